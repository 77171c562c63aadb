"""Figure 4, figures/cost.py."""

from typing import Any

import pytest

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.cost import compute_cost, draw_cost
from mnist_mlp.figures.example import Example
from mnist_mlp.inference.evaluation import evaluation
from mnist_mlp.inference.trained import Trained
from tests.figures.helpers import table_numbers


def test_the_cost_is_the_mean_of_its_terms(small_net: Trained, example: Example, data: MNISTData) -> None:
    """Ten squared errors, divided by 10. The average over the training set is that of the `evaluate` command."""
    cost = compute_cost(small_net, example, data)
    a = small_net.activations(example.image[None])[0].tolist()
    by_hand = [(a[digit] - (1.0 if digit == example.label else 0.0)) ** 2 for digit in range(10)]
    assert cost.terms.tolist() == pytest.approx(by_hand)
    assert cost.cost == pytest.approx(sum(by_hand) / 10)
    assert len(cost.training_costs) == len(data.train_indices)
    assert cost.average == pytest.approx(evaluation(small_net, "train").average_cost)
    *terms, total, of_example = table_numbers(draw_cost(cost, example))
    assert len(terms) == 10
    assert sum(terms) == total
    assert float(of_example) == pytest.approx(float(total) / 10, abs=1e-6)


def test_average_and_example_are_apart_in_the_histogram(small_net: Trained, example: Example, data: MNISTData) -> None:
    """A cost and its double are at least five pixels apart. Every training image is in a bar."""
    cost = compute_cost(small_net, example, data)
    figure = draw_cost(cost._replace(cost=2 * cost.average), example)
    figure.draw_without_rendering()
    axes: Any = figure.axes[-1]
    average, of_example = (float(axes.transData.transform((line.get_xdata()[0], 1))[0]) for line in axes.lines)
    assert of_example - average >= 5
    assert sum(bar.get_height() for bar in axes.patches) == len(cost.training_costs)
