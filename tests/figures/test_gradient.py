"""Figure 5, figures/gradient.py."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import training_examples
from mnist_mlp.figures.gradient import compute_cost_curve
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.figures.helpers import untrained


def average_cost(trained: Trained, x: Tensor, labels: Tensor, indices: tuple[int, int], value: float) -> float:
    """Return C by the net itself in float64, with one weight of the output layer set to a value."""
    net = SigmoidMLP(**trained.model).double()
    net.load_state_dict(trained.net.state_dict())
    with torch.no_grad():
        net.linear_layers[-1].weight[indices] = value
        return float(net.cost(net(x), labels).mean())


@pytest.mark.parametrize(
    "settings", [None, {"hidden_sizes": []}, {"hidden_sizes": [5], "cost_function": "cross_entropy"}]
)
def test_slopes_match_finite_differences(small_net: Trained, settings: dict[str, Any] | None) -> None:
    """The curve is the cost of the whole net, and the slopes by back propagation are the slopes of the curve."""
    trained = small_net if settings is None else untrained(**settings)
    data = trained.training_data()
    curve = compute_cost_curve(trained, data, images=200)
    train_indices = data.train_indices[:200]
    examples = training_examples(data)
    x, labels = trained.preprocessing(examples.images[train_indices]).double(), examples.labels[train_indices]
    weight = curve.digit, curve.source
    assert curve.images == 200
    assert curve.weight == float(trained.net.linear_layers[-1].weight[weight].detach())
    for i in (0, 30, 77, 120):
        assert float(curve.costs[i]) == pytest.approx(average_cost(trained, x, labels, weight, float(curve.values[i])))
    h = 1e-5
    slopes = [(curve.weight, curve.gradient), *((tangent.w, tangent.slope) for tangent in curve.tangents)]
    for w, slope in slopes:
        difference = average_cost(trained, x, labels, weight, w + h) - average_cost(trained, x, labels, weight, w - h)
        assert slope == pytest.approx(difference / (2 * h), rel=1e-5, abs=1e-10)
        assert slope != 0
    for tangent in curve.tangents:
        assert tangent.cost == pytest.approx(average_cost(trained, x, labels, weight, tangent.w))
        assert tangent.step == pytest.approx(-curve.eta * tangent.slope)
    assert curve.eta == trained.net.hparams["learning_rate"]


def test_the_weight_has_the_largest_gradient(small_net: Trained, data: MNISTData) -> None:
    """The largest of the gradients that autograd computes."""
    curve = compute_cost_curve(small_net, data, images=200)
    net = SigmoidMLP(**small_net.model).double()
    net.load_state_dict(small_net.net.state_dict())
    examples, indices = training_examples(data), data.train_indices[:200]
    net.cost(
        net(small_net.preprocessing(examples.images[indices]).double()), examples.labels[indices]
    ).mean().backward()
    gradient = net.linear_layers[-1].weight.grad
    assert gradient is not None
    assert abs(curve.gradient) == pytest.approx(float(gradient.abs().max()))
