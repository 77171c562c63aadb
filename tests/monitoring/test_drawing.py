"""The pictures show the numbers that they are drawn from."""

import numpy as np
import pytest
import torch

from mnist_mlp.data.class_names import DIGITS, FASHION, KUZUSHIJI
from mnist_mlp.monitoring import drawing
from tests.monitoring.runs import Run, last_picture


@pytest.mark.usefixtures("few_images")
def test_tiles_show_the_weights(run: Run) -> None:
    """Read back from the picture, every pixel of every tile is its weight, to half a shade."""
    picture = np.asarray(last_picture(run.events(), "first-layer weights"), dtype=float)
    weights = run.net.linear_layers[0].weight.detach()
    enlarged = drawing.WIDTH // (4 * 29)  # 12 neurons in 4 columns
    side, top = 28 * enlarged + 1, 2 * drawing.LINE
    for neuron, weight in enumerate(weights):
        y, x = top + neuron // 4 * side, neuron % 4 * side
        tile = picture[y : y + side - 1 : enlarged, x : x + side - 1 : enlarged]
        assert (picture[y : y + side - 1, x : x + side - 1] == tile.repeat(enlarged, 0).repeat(enlarged, 1)).all()
        red, blue = tile[:, :, 0], tile[:, :, 2]
        shown = np.where(red > blue, -(255 - blue) / 255, (255 - red) / 255)  # orange has no blue, blue no red
        expected = (weight / (3 * weights.square().mean().sqrt())).clamp(-1, 1).view(28, 28).numpy()
        assert np.abs(shown - expected).max() <= 1 / 12 + 1 / 255


def test_a_wide_layer_shows_its_first_144_neurons() -> None:
    """12 by 12 tiles of 28 by 28 pixels; the other neurons have no influence."""
    weights = torch.randn(300, 784, generator=torch.Generator().manual_seed(0))
    other = weights.clone()
    other[144:] = 7.0
    page = np.asarray(drawing.weight_tiles(weights))
    assert page.shape == (2 * drawing.LINE + 12 * 29, 348)
    assert (page == np.asarray(drawing.weight_tiles(other))).all()
    assert np.corrcoef(page[-29:-1, -29:-1].flatten(), weights[143].clamp(-3, 3))[0, 1] > 0.98


def test_bars_are_as_high_as_the_activations() -> None:
    """From foot to full height for any target values; the bar of the digit is blue, the others are orange."""
    activations = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1.0, 1.7, -0.3, float("nan"), 0.1, 0.9]])
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        chart = drawing.bar_charts(activations * (high - low) + low, torch.tensor([3]), (low, high), bar=5)[0]
        assert chart.shape == (40, 50)
        bars = chart[:, 2::5]
        assert (bars != drawing.FAINT).sum(dim=0).tolist() == [1, 10, 20, 30, 40, 40, 1, 1, 4, 36]
        assert bars[-1].tolist() == [drawing.ORANGE] * 3 + [drawing.BLUE] + [drawing.ORANGE] * 6
        assert (chart[:, ::5] == drawing.PAPER).all()


@pytest.mark.parametrize("names", [KUZUSHIJI, ("3", "7")], ids=str)
def test_the_confusion_matrix_names_its_rows_and_columns(names: tuple[str, ...]) -> None:
    """Another name of class 1 changes the page only left of its row and above its column."""
    counts = torch.full((len(names), len(names)), 7)
    page, other = (
        np.asarray(drawing.confusion_matrix(counts, "images", (names[0], name, *names[2:]))) for name in (names[1], "W")
    )
    left, top = drawing.WIDTH - 10 * drawing.CELL - drawing.MARGIN // 2, 3 * drawing.LINE
    differ = page != other
    assert not differ[top:, left:].any()
    for offset, changed in ((top, differ[top:].any(axis=1)), (left, differ[:top].any(axis=0)[left:])):
        places = changed.nonzero()[0]
        assert len(places) > 0, offset
        assert set(places // drawing.CELL) == {1}


@pytest.mark.parametrize("names", [DIGITS, FASHION, ("cat", "c" * 200)], ids=["digits", "fashion", "long"])
def test_every_name_fits_on_the_confusion_matrix(names: tuple[str, ...]) -> None:
    """The page keeps its width, and nothing is cut off at its sides."""
    page = np.asarray(drawing.confusion_matrix(torch.full((len(names), len(names)), 7), "images", names))
    assert page.shape[1] == drawing.WIDTH
    assert (page[:, 0] == drawing.PAPER).all()
    assert (page[:, -1] == drawing.PAPER).all()


def test_bars_are_named_below_the_captions() -> None:
    """Digits need no legend. It has all names, in lines that fit."""
    assert drawing._legend(DIGITS) == []
    lines = drawing._legend(FASHION)
    assert " ".join(lines) == "bars: " + ", ".join(f"{number} {name}" for number, name in enumerate(FASHION))
    assert max(map(drawing._width, lines)) <= drawing.WIDTH
    images, labels = torch.zeros(2, 28, 28, dtype=torch.uint8), torch.tensor([0, 9])
    drawn = [
        drawing.mistakes(images, torch.eye(10)[[1, 2]], labels, (0.0, 1.0), "caption", names=FASHION),
        drawing.outputs_over_epochs(images, torch.eye(10)[None, :2], labels, (0.0, 1.0), [0], FASHION),
    ]
    plain = [
        drawing.mistakes(images, torch.eye(10)[[1, 2]], labels, (0.0, 1.0), "caption"),
        drawing.outputs_over_epochs(images, torch.eye(10)[None, :2], labels, (0.0, 1.0), [0]),
    ]
    more = [page.height - other.height for page, other in zip(drawn, plain, strict=True)]
    assert more == [(len(lines) + 1) * drawing.LINE, len(lines) * drawing.LINE]  # a mistake's text has two lines
