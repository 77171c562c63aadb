"""The article's figures, drawn from the numbers that mnist_mlp/figure_example.py and figure_training.py compute.

Made to be read at a width of 760 pixels, and by colour-blind readers: the colours are those of Okabe and Ito (Color
Universal Design, 2008), and nothing is told by colour alone.
"""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from mnist_mlp.figures.example import Example


def rounded_to_add_up(parts: Sequence[float], decimals: int, balance: int) -> list[float]:
    """The parts rounded, but the one at place `balance` such that all together are the rounded sum."""
    unit = 10**decimals
    whole = [round(part * unit) for part in parts]
    whole[balance] += round(sum(parts) * unit) - sum(whole)
    return [number / unit for number in whole]


WIDTH = 7.6  # inches, of 100 pixels each at the size that they are made for
DPI = 200
PNG_COLOURS = 128
BLUE, ORANGE, LIGHT_ORANGE, GREEN = "#0072B2", "#D55E00", "#E69F00", "#009E73"
INK, GREY, FAINT = "#000000", "#707070", "#D0D0D0"
NEGATIVE, POSITIVE = BLUE, ORANGE  # weights
BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
DECIMALS, COST_DECIMALS = 3, 5
MINUS = "\N{MINUS SIGN}"  # as wide as a plus and as digits
STYLES: list[dict[str, Any]] = [  # of several curves in one chart
    {"color": INK, "linestyle": "-", "marker": "o"},
    {"color": GREEN, "linestyle": "--", "marker": "s"},
    {"color": ORANGE, "linestyle": "-.", "marker": "^"},
    {"color": BLUE, "linestyle": ":", "marker": "D"},
]
SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "mnist_mlp",  # the same figure is the same file
}


def style() -> AbstractContextManager[None]:
    """To draw in."""
    return mpl.rc_context(SETTINGS)


def as_bytes(figure: Figure, form: str) -> bytes:
    """The content of a file, "png" or "svg"; without its date, so that the same figure is the same file."""
    content = io.BytesIO()
    if form == "svg":
        figure.savefig(content, format="svg", metadata={"Date": None})
        return content.getvalue()
    figure.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    with Image.open(content) as image:
        palette = image.convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)  # a third of the bytes
    content = io.BytesIO()
    palette.save(content, format="PNG", optimize=True)
    return content.getvalue()


def new_figure(height: float, layout: Any = "constrained") -> Figure:
    return Figure(figsize=(WIDTH, height), layout=layout)


def show_digit(axes: Axes, example: Example) -> None:
    axes.imshow(example.image.numpy(), cmap="gray_r", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY)
    axes.set_xlabel(f"{example.split} image\n{example.place:,}: a {example.label}", fontsize=8.5)


def draw_table(
    axes: Axes, edges: Sequence[float], heads: Sequence[str], rows: list[list[str]], sums: int = 1
) -> list[float]:
    """Text in columns, the first flush left, the others flush right; the last `sums` rows below a line.

    Returns:
        The height of each row's middle, in the units of `axes`, 0..1.
    """
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    heights = [1 - (i + 0.5) / (len(rows) + 1) for i in range(len(rows) + 1)]
    for i, (y, row) in enumerate(zip(heights, [heads, *rows], strict=True)):
        total = i > len(rows) - sums
        for j, (x, text) in enumerate(zip(edges, row, strict=True)):
            align, weight = "right" if j else "left", "bold" if total else "normal"
            axes.text(x, y, text, va="center", ha=align, weight=weight, color=INK if i else GREY)
    for above in (1, len(rows) + 1 - sums):
        y = 1 - above / (len(rows) + 1)
        axes.plot([0, edges[-1]], [y, y], color=GREY, linewidth=0.8)
    return heights[1:]


def source_name(kind: str, number: int) -> str:
    """A neuron of the layer below, by name; of a pixel, row and column."""
    return f"pixel {number // 28}, {number % 28}" if kind == "pixel" else f"{kind} {number}"


def decimal(value: float, decimals: int = DECIMALS) -> str:
    """With a real minus sign, and none before zero."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)


def short(value: float) -> str:
    return f"{value:g}".replace("-", MINUS)


def two_digits(value: float) -> str:
    """With two significant digits."""
    decimals = 1 - math.floor(math.log10(abs(value))) if value else 1
    return decimal(value, max(0, decimals)) if decimals <= 7 else f"{value:.1e}".replace("-", MINUS)
