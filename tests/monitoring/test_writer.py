"""Histograms hold the numbers of the net, and odd numbers do not stop a run."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.writer import add_histogram
from tests.monitoring.runs import Run, read

pytestmark = pytest.mark.usefixtures("few_images")


def test_histograms_show_the_net_and_its_gradient(run: Run) -> None:
    """Each bin is as NumPy counts it: weights, activations, and dC/dw by `backward` on a copy of the net."""
    images, labels = run.inspected
    net = copy.deepcopy(run.net)
    net.cost(net(images), labels).mean().backward()
    hidden = torch.sigmoid(net.linear_layers[0](images))
    events = run.events()
    expected = {"activations/layer 1, hidden": hidden, "activations/layer 2, output": net(images)}
    for layer, name in zip(net.linear_layers, ("layer 1, hidden", "layer 2, output"), strict=True):
        gradients = layer.weight.grad, layer.bias.grad
        assert gradients[0] is not None
        expected |= {f"weights/{name}": layer.weight, f"biases/{name}": layer.bias}
        expected |= {f"gradients of weights/{name}": gradients[0], f"gradients of biases/{name}": gradients[1]}
        root_mean_square = events.Scalars(f"gradient root mean square/{name}")[-1].value
        assert root_mean_square == pytest.approx(float(gradients[0].square().mean().sqrt()), rel=1e-5)
    for tag, values in expected.items():
        shown = events.Histograms(tag)[-1].histogram_value
        numbers = values.detach().double().flatten().numpy()
        counts, limits = np.histogram(numbers, bins=64)
        assert shown.num == len(numbers)
        assert shown.min == pytest.approx(numbers.min(), rel=1e-4), tag
        assert shown.max == pytest.approx(numbers.max(), rel=1e-4), tag
        assert shown.sum == pytest.approx(numbers.sum(), rel=1e-3, abs=1e-6), tag
        assert shown.sum_squares == pytest.approx((numbers**2).sum(), rel=1e-3), tag
        np.testing.assert_allclose(shown.bucket_limit, limits[1:], rtol=1e-3, atol=1e-6 * np.abs(limits).max())
        assert np.abs(np.asarray(shown.bucket) - counts).sum() <= 0.002 * len(numbers) + 2, tag  # rounding at limits


def test_histograms_of_extreme_values(tmp_path: Path) -> None:
    """All equal, near the largest float32, near the smallest."""
    logger = CostCurveLogger(str(tmp_path))
    for values in (torch.zeros(9), torch.tensor([1e38, -3e38]), torch.tensor([1e-45, 0.0])):
        add_histogram(logger.experiment, "extreme", values, 0)
    logger.finalize("success")
    shown = [event.histogram_value for event in read(Path(logger.log_dir)).Histograms("extreme")]
    assert [sum(histogram.bucket) for histogram in shown] == [9, 2, 2]


def test_infinite_and_nan_weights_do_not_stop_the_run(tmp_path: Path) -> None:
    """The watchdogs report a run that diverges. Pictures go on without the histograms of these weights."""
    made = Run(tmp_path, max_epochs=1)
    with torch.no_grad():
        made.net.linear_layers[0].weight.fill_(float("nan"))
        made.net.linear_layers[1].weight[0, 0] = float("inf")
    made.pictures.on_train_epoch_end(made.trainer, made.net)  # the end of the second epoch, after the writer was closed
    made.logger.finalize("success")
    events = made.events()
    assert [e.step for e in events.Images("3 pictures/first-layer weights")] == [0, 1, 2]
    assert [e.step for e in events.Histograms("weights/layer 1, hidden")] == [0, 1]
    assert [e.step for e in events.Histograms("biases/layer 1, hidden")] == [0, 1, 2]
