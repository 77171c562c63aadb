"""Draw a net's weights, outputs and mistakes as pictures with a small palette.

Each pixel of a page is a byte, the index of a colour in `PALETTE`. Few colours make small files, and size is time:
TensorBoard's writer takes 0.1 ms per 1,000 bytes. Colour-blind readers can tell the blue from the orange; both are from
Okabe and Ito, "Color Universal Design" (2008).
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from mnist_mlp.data.class_names import DIGITS, class_name

Colour = tuple[int, int, int]


def _between(start: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


_WHITE: Colour = (255, 255, 255)
SHADES = 6  # of blue and of orange; few, because weights are noisy and noise compresses badly
ORANGE, ZERO, BLUE = 0, SHADES, 2 * SHADES  # the colours of -1, 0 and 1; the shades lie between them
FRAME, FAINT = 40, 41
INK, PAPER = 128, 255  # black and white; the greys between them give text and digits soft edges
PALETTE: list[Colour] = [(0, 0, 0)] * 256
PALETTE[ORANGE:ZERO] = [_between((213, 94, 0), _WHITE, i / SHADES) for i in range(SHADES)]
PALETTE[ZERO : BLUE + 1] = [_between(_WHITE, (0, 114, 178), i / SHADES) for i in range(SHADES + 1)]
PALETTE[FRAME], PALETTE[FAINT] = (160, 160, 160), (240, 240, 240)
PALETTE[INK : PAPER + 1] = [_between((0, 0, 0), _WHITE, i / (PAPER - INK)) for i in range(PAPER - INK + 1)]

# Sizes in pixels.
WIDTH = 348  # of a page; TensorBoard scales wider pictures down until they are clicked
MARGIN = 8
LINE = 18  # height of a line of text
CELL = 30  # side of a cell of the confusion matrix
SIDE = 40  # side of a digit, and height of its bar chart
NAME = 84  # width of a class's name; longer names are cut

MAX_TILES = 144  # in 12 columns; fewer tiles are enlarged
FULL_COLOUR = 3.0  # the weight with full colour, in root mean squares of the weights


def weight_tiles(weights: Tensor) -> Image.Image:
    """Draw the weights of a first layer, one tile of 28 x 28 pixels per neuron; at most the first 144 neurons.

    Positive weights are blue, negative weights orange, zero is white. Full colour is three times the root mean square.

    Args:
        weights: W (m, 784).
    """
    shown = weights[:MAX_TILES].detach().float().cpu().nan_to_num(0.0, 0.0, 0.0)
    full = FULL_COLOUR * float(shown.square().mean().sqrt()) or 1.0
    columns = math.ceil(math.sqrt(len(shown)))
    rows = -(-len(shown) // columns)
    enlarged = max(1, WIDTH // (29 * columns))
    tiles = shades(shown / full).view(-1, 28, 28).repeat_interleave(enlarged, 1).repeat_interleave(enlarged, 2)
    tiles = F.pad(tiles, (0, 1, 0, 1, 0, rows * columns - len(tiles)), value=FRAME)
    side = tiles.shape[1]
    grid = tiles.view(rows, columns, side, side).transpose(1, 2).reshape(rows * side, columns * side)
    neurons = f"the first {len(shown)} of {len(weights)}" if len(shown) < len(weights) else f"{len(weights)}"
    colours = f"blue: {full:.2g} or more, white: 0, orange: -{full:.2g} or less"
    page = _page(2 * LINE + rows * side, f"weights of {neurons} neurons;", colours)
    page.paste(Image.fromarray(grid.numpy()), (0, 2 * LINE))
    return _coloured(page)


def confusion_matrix(confusion: Tensor, images: str, names: Sequence[str] = DIGITS) -> Image.Image:
    """Draw a confusion matrix: correct predictions blue, on the diagonal; mistakes orange.

    Args:
        confusion: (n, n) numbers of images; the row is the digit, the column the predicted class.
        images: the kind of images, for the caption, such as "validation images".
        names: the names of the n classes; 10 digits by default.
    """
    n, shown = len(confusion), [_cut(class_name(names, label)) for label in range(len(confusion))]
    longest = math.ceil(max(map(_width, shown)))
    left = max(WIDTH - 10 * CELL - MARGIN // 2, longest + 12)
    cell = min(CELL, (WIDTH - MARGIN // 2 - left) // n)
    upright = longest > cell - 4  # the names of the columns are turned by 90 degrees
    top = 2 * LINE + (longest + 6 if upright else LINE)
    correct, total = confusion.diagonal(), int(confusion.sum())
    wrong = confusion - correct.diag()
    # Most counts of mistakes are small; the square root makes them visible. Black numbers stay legible on 60% blue.
    shade = 0.6 * (correct / confusion.sum(dim=1).clamp_min(1)).diag() - (wrong / wrong.max().clamp_min(1)).sqrt()
    cells = F.pad(shades(shade)[:, :, None, None].expand(n, n, cell - 1, cell - 1), (0, 1, 0, 1), value=FRAME)
    accuracy = int(correct.sum()) / max(total, 1)
    page = _page(top + n * cell + MARGIN, f"{total:,} {images}, accuracy {accuracy:.2%}")
    draw = ImageDraw.Draw(page)
    draw.text((left + n * cell / 2, 1.5 * LINE), "predicted class", INK, _font(), anchor="mm")
    if tuple(names) == DIGITS:
        draw.text((2, top + n * cell / 2), "digit", INK, _font(), anchor="lm")
    for label, name in enumerate(shown):
        if upright:
            strip = Image.new("L", (longest + 2, LINE), PAPER)
            ImageDraw.Draw(strip).text((0, LINE / 2), name, INK, _font(), anchor="lm")
            page.paste(strip.rotate(90, expand=True), (left + round((label + 0.5) * cell - LINE / 2), 2 * LINE))
        else:
            draw.text((left + (label + 0.5) * cell, 2.5 * LINE), name, INK, _font(), anchor="mm")
        at = (left - 8, top + (label + 0.5) * cell)
        draw.text(at, name, INK, _font(), anchor="rm" if longest > LINE else "mm")
    draw.rectangle((left - 1, top - 1, left + n * cell - 1, top + n * cell - 1), outline=FRAME)
    page.paste(Image.fromarray(cells.transpose(1, 2).reshape(n * cell, n * cell).numpy()), (left, top))
    draw.fontmode = "1"  # no soft edges: between the indices of ink and a shade lie unrelated colours
    for row, column in confusion.nonzero().tolist():
        at = left + (column + 0.5) * cell, top + (row + 0.5) * cell
        draw.text(at, str(int(confusion[row, column])), INK, _font(), anchor="mm")
    return _coloured(page)


def mistakes(
    images: Tensor,
    activations: Tensor,
    labels: Tensor,
    heights: tuple[float, float],
    *captions: str,
    names: Sequence[str] = DIGITS,
) -> Image.Image:
    """Draw misclassified images, each with its ten output activations as bars.

    Args:
        images: (N, 28, 28) uint8.
        activations: (N, 10) of the output neurons.
        labels: (N,) the digits.
        heights: the activations at the foot of a bar and at its full height.
        captions: the picture's first lines of text.
        names: the names of the classes; 10 digits by default.
    """
    captions = (*captions, *_legend(names))
    digits = tuple(names) == DIGITS
    text_height = LINE if digits else 2 * LINE
    columns, bar = 2, 11
    width, height, top = (WIDTH - MARGIN) // columns, text_height + SIDE + LINE, len(captions) * LINE
    page = _page(top + max(1, -(-len(images) // columns)) * height, *captions)
    draw = ImageDraw.Draw(page)
    predicted = activations.argmax(dim=1)
    charts = bar_charts(activations, labels, heights, bar)
    for i, (digit, chart) in enumerate(zip(_digits(images), charts, strict=True)):
        x, y = MARGIN + i % columns * width, top + i // columns * height
        label, guess = (_cut(class_name(names, int(which[i]))) for which in (labels, predicted))
        space = " " if digits else "\n"
        text = f"{label} predicted as{space}{guess}: {activations[i, predicted[i]]:.2f}"
        for number, line in enumerate(text.splitlines()):
            draw.text((x, y + (number + 0.5) * LINE), line, INK, _font(), anchor="lm")
        y += text_height
        page.paste(digit, (x, y))
        page.paste(Image.fromarray(chart.numpy()), (x + SIDE + MARGIN, y))
        page.paste(_axis(bar, tuple(range(10))), (x + SIDE + MARGIN, y + SIDE))
    return _coloured(page)


def outputs_over_epochs(
    images: Tensor,
    activations: Tensor,
    labels: Tensor,
    heights: tuple[float, float],
    epochs: Sequence[int],
    names: Sequence[str] = DIGITS,
) -> Image.Image:
    """Draw the output activations for the same images after different epochs, side by side.

    Args:
        images: (N, 28, 28) uint8.
        activations: (len(epochs), N, 10) of the output neurons.
        labels: (N,) the digits.
        heights: the activations at the foot of a bar and at its full height.
        epochs: the numbers of completed epochs; 0 is before training.
        names: the names of the classes; 10 digits by default.
    """
    captions = [f"ten output activations, {heights[0]:g} to {heights[1]:g}, over the epochs;"]
    captions += [f"blue: the correct {'digit' if tuple(names) == DIGITS else 'class'}, orange: the others"]
    captions += _legend(names)
    bar, top, gap = 4, (len(captions) + 1) * LINE, 6
    left, width, height = MARGIN + SIDE + MARGIN, 10 * bar + gap, SIDE + gap
    page = _page(top + len(images) * height + LINE, *captions, width=left + len(epochs) * width)
    draw = ImageDraw.Draw(page)
    draw.text((MARGIN, top - LINE / 2), "epoch", INK, _font(), anchor="lm")
    for row, digit in enumerate(_digits(images)):
        page.paste(digit, (MARGIN, top + row * height))
    for column, epoch in enumerate(epochs):
        x = left + column * width
        draw.text((x + 5 * bar, top - LINE / 2), str(epoch), INK, _font(), anchor="mm")
        charts = F.pad(bar_charts(activations[column], labels, heights, bar), (0, 0, 0, gap), value=PAPER)
        page.paste(Image.fromarray(charts.flatten(0, 1).numpy()), (x, top))
        page.paste(_axis(bar, (0, 9)), (x, top + len(images) * height - gap))
    return _coloured(page)


def shades(values: Tensor) -> Tensor:
    """Return the colours of values as indices in `PALETTE`: -1 or less orange, 0 white, 1 or more blue."""
    return (values * SHADES + ZERO).round().clamp(ORANGE, BLUE).to(torch.uint8)


def bar_charts(activations: Tensor, labels: Tensor, heights: tuple[float, float], bar: int) -> Tensor:
    """Draw ten bars for each image: the bar of its digit blue, the others orange.

    Args:
        activations: (N, 10) of the output neurons.
        labels: (N,) the digits.
        heights: the activations at the foot of a bar and at its full height.
        bar: the width of a bar in pixels, with the white line to its left.

    Returns:
        (N, 40, 10 bar) uint8 indices in `PALETTE`.
    """
    foot, full = heights
    filled = ((activations.float().nan_to_num(foot) - foot) / (full - foot) * SIDE).round().clamp(1, SIDE)
    is_filled = torch.arange(SIDE, 0, -1)[:, None] <= filled[:, None, :]
    own = F.one_hot(labels, 10).bool()
    charts = torch.where(is_filled, torch.where(own, BLUE, ORANGE)[:, None, :], FAINT).to(torch.uint8)
    charts = charts.repeat_interleave(bar, dim=2)
    charts[:, :, ::bar] = PAPER
    return charts


def _page(height: int, *captions: str, width: int = 0) -> Image.Image:
    page = Image.new("L", (max(WIDTH, width), height), PAPER)
    for i, caption in enumerate(captions):
        ImageDraw.Draw(page).text((2, (i + 0.5) * LINE), caption, INK, _font(), anchor="lm")
    return page


def _legend(names: Sequence[str]) -> list[str]:
    """Return lines that name the output neurons, whose bars have only numbers; none for digits."""
    if tuple(names) == DIGITS:
        return []
    lines = ["bars:"]
    for number, name in enumerate(names):
        part = f" {number} {_cut(name)}" + ("," if number < len(names) - 1 else "")
        if _width(lines[-1] + part) > WIDTH - MARGIN:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def _width(text: str) -> float:
    return _font().getlength(text)


def _cut(name: str) -> str:
    """Return a class's name, without its end if it is too long."""
    while _width(name) > NAME:
        name = name[:-2] + "." if name.endswith(".") else name[:-1] + "."
    return name


def _coloured(page: Image.Image) -> Image.Image:
    page.putpalette([value for colour in PALETTE for value in colour])
    return page


@cache
def _axis(bar: int, named: tuple[int, ...]) -> Image.Image:
    """Draw the digits in `named`, each under its bar."""
    strip = Image.new("L", (10 * bar, 13), PAPER)
    for digit in named:
        x = min(max((digit + 0.5) * bar + 0.5, 4), 10 * bar - 4)
        ImageDraw.Draw(strip).text((x, 6), str(digit), INK, _font(11), anchor="mm")
    return strip


def _digits(images: Tensor) -> list[Image.Image]:
    """Draw images (N, 28, 28) uint8 as dark ink on white paper, enlarged."""
    return [Image.fromarray(image.numpy()).resize((SIDE, SIDE)) for image in PAPER - images // 2]


@cache
def _font(size: int = 13) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
