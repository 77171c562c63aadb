"""Figure 2, figures/neuron.py."""

import math

import pytest

from mnist_mlp.figures.example import Example
from mnist_mlp.figures.neuron import compute_neuron, draw_neuron
from mnist_mlp.inference.trained import Trained
from tests.figures.helpers import table_numbers


def test_products_and_bias_add_up_to_z(small_net: Trained, example: Example) -> None:
    """The printed numbers also add up, and σ(z) is the net's output activation."""
    neuron = compute_neuron(small_net, example)
    assert neuron.bias is not None
    total = sum(term.product for term in neuron.terms) + neuron.others + neuron.bias
    assert total == pytest.approx(neuron.z)
    assert neuron.a == pytest.approx(1 / (1 + math.exp(-neuron.z)))
    assert neuron.a == pytest.approx(float(small_net.activations(example.image[None])[0, example.label]), abs=1e-5)
    for source, activation, weight, product in neuron.terms:
        assert weight == float(small_net.net.linear_layers[-1].weight[example.label, source].detach())
        assert product == activation * weight
    *parts, z = table_numbers(draw_neuron(neuron, example))
    assert len(parts) == len(neuron.terms) + 2
    assert sum(parts) == z
    assert float(z) == pytest.approx(neuron.z, abs=0.0006)
