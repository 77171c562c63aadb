"""An untrained net for the figures, and what a reader sees in a figure: its texts and the numbers of its table."""

from decimal import Decimal
from itertools import combinations
from typing import Any

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP


def untrained(**settings: Any) -> Trained:
    """Return a net with its initial weights, for pixels from 0 to 1."""
    torch.manual_seed(0)
    net = SigmoidMLP(**settings)
    data = MNISTData(val_size=58_000, normalize=False)
    return Trained(net.eval(), Preprocessing(), dict(net.hparams), {**data.hparams})


def assert_legible(figure: Figure) -> None:
    """Check that every text is at least 8 points high and inside the figure, and that no two texts overlap."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()  # lays the figure out
    page = figure.bbox
    boxes = []
    for text in _visible_texts(figure):
        assert float(text.get_fontsize()) >= 8, text
        box = text.get_window_extent(renderer)
        assert page.x0 - 1 <= box.x0, text
        assert page.y0 - 1 <= box.y0, text
        assert box.x1 <= page.x1 + 1, text
        assert box.y1 <= page.y1 + 1, text
        boxes.append((text.get_text(), box))
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, f"{one!r} overlaps {other!r}"


def _visible_texts(figure: Figure) -> list[Text]:
    """Return all texts except the labels of ticks outside the axes' limits."""
    hidden = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
            hidden |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def table_numbers(figure: Figure) -> list[Decimal]:
    """Return the numbers in the last column of the figure's table, as printed."""
    texts = figure.axes[0].texts
    right = max(text.get_position()[0] for text in texts)
    cells = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in texts if text.get_position()[0] == right]
    return [Decimal(cell) for cell in cells[1:]]
