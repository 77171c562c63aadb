"""The pictures show the numbers that they are drawn from."""

import numpy as np
import pytest
import torch

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
        shown = np.where(red > blue, (255 - blue) / 255, -(255 - red) / 255)  # orange has no blue, blue no red
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
