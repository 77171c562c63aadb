"""Every figure is legible: its texts are large enough, inside the figure, and do not overlap."""

from typing import Any

import pytest

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.ablations import ABLATIONS, Ablation, draw_ablations
from mnist_mlp.figures.answers import compute_outputs, draw_outputs
from mnist_mlp.figures.cost import compute_cost, draw_cost
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.figures.gradient import compute_cost_curve, draw_cost_curve
from mnist_mlp.figures.net import compute_net, draw_net
from mnist_mlp.figures.neuron import compute_neuron, draw_neuron
from mnist_mlp.figures.sigmoid import compute_sigmoids, draw_sigmoids
from mnist_mlp.figures.xor import XOR_NETS, draw_xor, train_xor_net
from mnist_mlp.inference.trained import Trained
from tests.figures.helpers import assert_legible, untrained


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_sizes": [], "cost_function": "cross_entropy"},
        {"hidden_sizes": [3], "bias": False, "activation": "identity"},
        {"hidden_sizes": [20] * 7, "activation": "tanh"},
        {
            "hidden_sizes": [15],
            "activation": "scaled_tanh",
            "output_activation": "scaled_tanh",
            "target_values": [-1.0, 1.0],
        },
    ],
    ids=str,
)
def test_figures_of_any_net_are_legible(settings: dict[str, Any]) -> None:
    trained = untrained(**settings)
    data = trained.training_data()
    example = choose_example(trained, data, digit=8)
    assert_legible(draw_net(compute_net(trained, example), example))
    assert_legible(draw_neuron(compute_neuron(trained, example), example))
    assert_legible(draw_outputs(compute_outputs(trained, example, 1), example))
    assert_legible(draw_cost(compute_cost(trained, example, data), example))
    assert_legible(draw_cost_curve(compute_cost_curve(trained, data, images=100)))


def test_figures_of_the_trained_net_are_legible(small_net: Trained, example: Example, data: MNISTData) -> None:
    assert_legible(draw_net(compute_net(small_net, example), example))
    assert_legible(draw_neuron(compute_neuron(small_net, example), example))
    assert_legible(draw_outputs(compute_outputs(small_net, example, 0), example))
    assert_legible(draw_cost(compute_cost(small_net, example, data), example))
    assert_legible(draw_cost_curve(compute_cost_curve(small_net, data)))
    assert_legible(draw_sigmoids(compute_sigmoids()))
    assert_legible(draw_xor([train_xor_net(activation, bias, seed=0) for activation, bias in XOR_NETS]))
    runs = [Ablation(name, [0.02, 0.01], 0.01, 0.1 + 0.25 * i) for i, name in enumerate(ABLATIONS)]
    assert_legible(draw_ablations(runs))
