"""Every figure is legible for any data: its texts are large enough, inside the figure, and do not overlap."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.ablations import ABLATIONS, Ablation, draw_ablations
from mnist_mlp.figures.answers import compute_outputs, draw_outputs
from mnist_mlp.figures.cost import compute_cost, draw_cost
from mnist_mlp.figures.errors import compute_errors, draw_errors
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.figures.gradient import compute_cost_curve, draw_cost_curve
from mnist_mlp.figures.net import compute_net, draw_net
from mnist_mlp.figures.neuron import compute_neuron, draw_neuron
from mnist_mlp.figures.sigmoid import compute_sigmoids, draw_sigmoids
from mnist_mlp.figures.xor import GRID, LOGIC, XOR_NETS, Separation, XorResult, draw_xor
from mnist_mlp.inference.trained import Trained
from tests.figures.helpers import assert_legible, untrained

# matplotlib warns of data that it cannot draw, and older versions of it call pyparsing by old names.
pytestmark = pytest.mark.filterwarnings("error::UserWarning", "ignore:.*deprecated")

LARGEST_SEED = 2**32 - 1
NETS: list[dict[str, Any]] = [
    {"hidden_sizes": [], "cost_function": "cross_entropy"},
    {"hidden_sizes": [300]},
    {"hidden_sizes": [3], "bias": False, "activation": "identity"},
    {"hidden_sizes": [1, 2_000], "output_activation": "identity", "target_values": [-1234.5678, 1.0]},
    {"hidden_sizes": [20] * 12, "activation": "tanh", "learning_rate": 1e-9},
    {
        "hidden_sizes": [15],
        "activation": "scaled_tanh",
        "output_activation": "scaled_tanh",
        "target_values": [-1.0, 1.0],
    },
]
WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {  # from the initial weights of a net
    "initial": lambda w: w,
    "zero": torch.zeros_like,
    "positive": torch.abs,
    "negative": lambda w: -w.abs(),
    "small": lambda w: 1e-12 * w,
    "large": lambda w: 30 * w,
    "huge": lambda w: 1e5 * w,
}


def assert_figures_of_a_net_are_legible(trained: Trained, data: MNISTData, example: Example, seed: int) -> None:
    assert_legible(draw_net(compute_net(trained, example), example))
    assert_legible(draw_neuron(compute_neuron(trained, example), example))
    assert_legible(draw_outputs(compute_outputs(trained, example, seed), example))
    assert_legible(draw_cost(compute_cost(trained, example, data), example))
    assert_legible(draw_cost_curve(compute_cost_curve(trained, data, images=100)))
    assert_legible(draw_errors(compute_errors(trained, example), example))


@pytest.mark.parametrize(
    ("settings", "weights"),  # half of the pairs
    [(net, weights) for i, net in enumerate(NETS) for j, weights in enumerate(WEIGHTS) if (i + j) % 2],
    ids=str,
)
def test_figures_of_any_net_are_legible(settings: dict[str, Any], weights: str) -> None:
    """No hidden layer, many and few neurons, saturated neurons, activations and costs of any size."""
    trained = untrained(**settings)
    with torch.no_grad():
        for parameter in trained.net.parameters():
            parameter.copy_(WEIGHTS[weights](parameter))
    data = trained.training_data()
    example = choose_example(trained, data, digit=8)
    assert_figures_of_a_net_are_legible(trained, data, example, LARGEST_SEED)


def test_figures_of_the_trained_net_are_legible(small_net: Trained, example: Example, data: MNISTData) -> None:
    assert_figures_of_a_net_are_legible(small_net, data, example, seed=0)


def test_the_curves_of_the_sigmoid_are_legible() -> None:
    assert_legible(draw_sigmoids(compute_sigmoids()))


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 0.0), (0.2, 0.9), (-1e-3, 1e-3), (-0.9, -0.02)])
def test_any_results_for_xor_are_legible(low: float, high: float) -> None:
    """Margins from `low` to `high`: all kinds of answers, undecided for everything, the same answer to everything."""
    margin = torch.linspace(low, high, GRID).expand(GRID, GRID)
    outputs = torch.tensor([[0.0, low], [0.0, low], [0.0, high], [0.0, high]])
    axis = torch.linspace(-0.5, 1.5, GRID)
    weights = (-1234.5, high)
    neurons = [Separation(name, labels, weights, low, 0.5 + outputs[:, 1] / 2) for name, labels in LOGIC.items()]
    nets = [XorResult(name, bias, outputs, 0, 4, axis, margin) for name, bias in XOR_NETS]
    assert_legible(draw_xor(neurons, nets))


@pytest.mark.parametrize("costs", [[0.02, 0.01], [0.0], [1e-6] * 3, [0.09 / n for n in range(1, 1_001)]], ids=len)
@pytest.mark.parametrize("accuracies", [(0.1, 0.35, 0.6, 0.85), (0.0, 1.0, 0.0, 1.0), (1.0,) * 4, (0.95, 0.96) * 2])
def test_any_results_of_the_ablations_are_legible(costs: list[float], accuracies: tuple[float, ...]) -> None:
    runs = [Ablation(name, costs, costs[-1], accuracy) for name, accuracy in zip(ABLATIONS, accuracies, strict=True)]
    assert_legible(draw_ablations(runs))
