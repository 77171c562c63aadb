"""What the figures share: colours, line styles, number formats, the digit's picture, the table, PNG and SVG.

The figures are made for a width of 760 pixels and for colour-blind readers. The colours are those of Okabe and Ito
(Color Universal Design, 2008), and nothing is shown by colour alone.
"""

import io
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from PIL import Image

from mnist_mlp.figures.example import Example

WIDTH = 7.6  # inches; 760 pixels at 100 pixels per inch
DPI = 200  # of the PNG; twice the pixels, for high-resolution screens
PNG_COLOURS = 128

BLUE, ORANGE, LIGHT_ORANGE, GREEN = "#0072B2", "#D55E00", "#E69F00", "#009E73"
INK, GREY, FAINT = "#000000", "#707070", "#D0D0D0"
POSITIVE, NEGATIVE = BLUE, ORANGE  # weights, products and errors
WHITE_BOX = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # behind text on a coloured background
LINE_STYLES: list[dict[str, Any]] = [  # for several curves in one chart
    {"color": INK, "linestyle": "-", "marker": "o"},
    {"color": GREEN, "linestyle": "--", "marker": "s"},
    {"color": ORANGE, "linestyle": "-.", "marker": "^"},
    {"color": BLUE, "linestyle": ":", "marker": "D"},
]
RC_PARAMS: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.formatter.limits": (-4, 4),  # other tick labels share a power of ten, so none is long
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "mnist_mlp",  # gives equal figures equal SVG files
}

DECIMALS, COST_DECIMALS = 3, 5
MINUS = "\N{MINUS SIGN}"  # as wide as a plus sign and a digit, unlike a hyphen
LARGE = 1e4  # larger numbers are shown with a power of ten, so no number is long
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def drawing_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws and renders with the figures' settings."""
    return mpl.rc_context(RC_PARAMS)


def new_figure(height: float, layout: Any = "constrained") -> Figure:
    """Return an empty figure of the common width; the height is in inches."""
    return Figure(figsize=(WIDTH, height), layout=layout)


def render(figure: Figure, file_format: str) -> bytes:
    """Return the content of a "png" or "svg" file. It holds no date, so equal figures give equal files."""
    content = io.BytesIO()
    if file_format == "svg":
        figure.savefig(content, format="svg", metadata={"Date": None})
        return content.getvalue()
    figure.savefig(content, format="png", dpi=DPI, pil_kwargs={"compress_level": 0})
    with Image.open(content) as image:
        # A palette makes the file three times smaller.
        palette = image.convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)
    content = io.BytesIO()
    palette.save(content, format="PNG", optimize=True)
    return content.getvalue()


def show_digit(axes: Axes, example: Example) -> None:
    """Draw the example's image, with its split, index and label below."""
    axes.imshow(example.image.numpy(), cmap="gray_r", vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY)
    axes.set_xlabel(f"{example.split} image\n{example.position:,}, label {example.label}", fontsize=8.5)


def end_at(axis: Axis, low: float, high: float) -> None:
    """Let an axis end at `low` and `high`, though there may be room for numbers beyond."""
    axis.axes.spines["bottom" if axis is axis.axes.xaxis else "left"].set_bounds(low, high)
    ticks = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])


def draw_table(
    axes: Axes, edges: Sequence[float], heads: Sequence[str], rows: list[list[str]], sums: int = 1
) -> list[float]:
    """Draw text in columns, with a line below the heads and a line above the last `sums` rows, which are bold.

    Args:
        axes: filled by the table; its units become 0..1.
        edges: x of each column; of its left edge for the first column, of its right edge for the others.
        heads: the columns' heads.
        rows: the cells' texts, one per column.
        sums: the number of rows below the second line.

    Returns:
        y of each row's middle.
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
        axes.plot([edges[0], edges[-1]], [y, y], color=GREY, linewidth=0.8)
    return heights[1:]


def text_width(text: str, size: float = RC_PARAMS["font.size"], weight: str = "normal") -> float:
    """Return the width of one line of text in inches."""
    return float(TextPath((0, 0), text, size=size, prop=FontProperties(weight=weight)).get_extents().width) / 72


def common_exponent(values: Sequence[float]) -> int:
    """Return the k for which the values, divided by 10^k, fit a table's column; 0 if they fit as they are."""
    largest = max(map(abs, values))
    return math.floor(math.log10(largest)) if largest >= LARGE else 0


def over_power(exponent: int) -> str:
    """Return what a column's head says of its common exponent: " / 10⁶", or nothing for 0."""
    return f" / 10{str(exponent).translate(SUPERSCRIPTS)}" if exponent else ""


def round_to_sum(parts: Sequence[float], decimals: int, adjusted: int) -> list[float]:
    """Round each part, then adjust the part at index `adjusted` so that the parts add up to the rounded sum."""
    unit = 10**decimals
    whole = [round(part * unit) for part in parts]
    whole[adjusted] += round(sum(parts) * unit) - sum(whole)
    return [number / unit for number in whole]


def format_decimals(value: float, decimals: int = DECIMALS) -> str:
    """Format with a fixed number of decimals and a true minus sign; zero has no sign.

    Large numbers get three significant digits and a power of ten.
    """
    if abs(value) >= LARGE:
        return f"{value:.2e}".replace("-", MINUS)
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", MINUS)


def format_two_digits(value: float) -> str:
    """Format with two significant digits and a true minus sign."""
    decimals = 1 - math.floor(math.log10(abs(value))) if value else 1
    return format_decimals(value, max(0, decimals)) if decimals <= 7 else f"{value:.1e}".replace("-", MINUS)


def format_significant(value: float, digits: int = 3) -> str:
    """Format with at most this many significant digits and a true minus sign."""
    return f"{value:.{digits}g}".replace("-", MINUS)


def format_short(value: float) -> str:
    """Format with at most four significant digits, without trailing zeros, with a true minus sign."""
    return f"{value:.4g}".replace("-", MINUS)


def weight_name(to: int, source: int) -> str:
    """Return the article's name of the weight to neuron `to` from neuron `source`: w₃₁, or w₃,₁₂ with a comma."""
    return f"w$_{{{to}{'{,}' if max(to, source) > 9 else ''}{source}}}$"


def neuron_name(kind: str, number: int) -> str:
    """Return a neuron's name: "hidden neuron 7", or "pixel 3, 12" (row, column) for an input neuron."""
    return f"pixel {number // 28}, {number % 28}" if kind == "pixel" else f"{kind} {number}"
