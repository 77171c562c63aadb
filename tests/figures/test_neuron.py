"""Figure 2, figures/neuron.py."""

import math
from typing import Any

import pytest
from matplotlib.colors import to_hex

from mnist_mlp.figures.answers import compute_outputs, draw_outputs
from mnist_mlp.figures.example import Example
from mnist_mlp.figures.neuron import compute_neuron, draw_neuron
from mnist_mlp.figures.sigmoid import compute_sigmoids, draw_sigmoids
from mnist_mlp.figures.style import BLUE, ORANGE
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


def test_positive_products_are_blue_and_negative_ones_orange(small_net: Trained, example: Example) -> None:
    neuron = compute_neuron(small_net, example)
    bars: Any = draw_neuron(neuron, example).axes[0].patches
    assert len(bars) == len(neuron.terms) + 2
    assert {bar.get_width() > 0 for bar in bars} == {True, False}
    for bar in bars:
        assert to_hex(bar.get_facecolor()) == (BLUE if bar.get_width() > 0 else ORANGE).lower()


def test_weights_have_the_articles_names(small_net: Trained, example: Example) -> None:
    """The weight to output neuron 3 from hidden neuron k is w₃ₖ, with a comma before a k of two digits."""
    texts = [text.get_text() for text in draw_neuron(compute_neuron(small_net, example), example).axes[0].texts]
    for term in compute_neuron(small_net, example).terms:
        name = f"w$_{{3{term.source}}}$" if term.source < 10 else f"w$_{{3{{,}}{term.source}}}$"
        assert any(text.startswith(f"{name} = ") for text in texts)


def test_axes_of_activations_end_at_one(small_net: Trained, example: Example) -> None:
    """In figures 2, 3 and 6."""
    neuron = draw_neuron(compute_neuron(small_net, example), example).axes[-1]
    assert neuron.get_ylim() == (0.0, 1.0)
    for axes in draw_outputs(compute_outputs(small_net, example, seed=0), example).axes[1:]:
        assert axes.spines["bottom"].get_bounds() == (0.0, 1.0)
        assert max(axes.get_xticks()) == 1.0
    for axes in draw_sigmoids(compute_sigmoids()).axes:
        assert axes.get_ylim() == (0.0, 1.0)
