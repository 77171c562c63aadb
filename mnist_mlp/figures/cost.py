"""Figure 4: the cost of the example, term by term, and the costs of all training images."""

import math
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import Example, training_examples
from mnist_mlp.figures.style import (
    BLUE,
    COST_DECIMALS,
    INK,
    MINUS,
    ORANGE,
    common_exponent,
    draw_table,
    format_decimals,
    format_short,
    new_figure,
    over_power,
    round_to_sum,
    show_digit,
)
from mnist_mlp.inference.trained import Trained

BINS = 40


class Cost(NamedTuple):
    """The cost of one example and of the training set.

    a: (10,) the output activations.
    y: (10,) the targets.
    terms: (10,) the squared errors, or the terms of the cross-entropy.
    cost: the mean of the terms.
    function: "mse" or "cross_entropy".
    training_costs: (N,) of the training images, without augmentation.
    average: C(w), the mean of the training costs.
    """

    a: Tensor
    y: Tensor
    terms: Tensor
    cost: float
    function: str
    training_costs: Tensor
    average: float


def compute_cost(trained: Trained, example: Example, data: MNISTData) -> Cost:
    """Compute the cost of the example and the average cost C(w) over the training set."""
    net = trained.net
    a = trained.activations(example.image[None]).double()
    label = torch.tensor([example.label])
    y = net.targets(label, a.dtype)
    terms = net.cost_terms(a, y)
    examples = training_examples(data)
    images, labels = examples.images[data.train_indices], examples.labels[data.train_indices]
    costs = net.cost(trained.activations(images).double(), labels)
    function = net.hparams["cost_function"]
    return Cost(a[0], y[0], terms[0], float(net.cost(a, label)), function, costs, float(costs.mean()))


def draw_cost(cost: Cost, example: Example) -> Figure:
    """Draw the example's cost as a table and the training images' costs as a histogram."""
    term = f"(a {MINUS} y)²" if cost.function == "mse" else "term"
    exponent = common_exponent(cost.terms.tolist())
    shown = round_to_sum((cost.terms / 10.0**exponent).tolist(), COST_DECIMALS, int(cost.terms.argmax()))
    rows = [
        [
            f"output neuron {digit}",
            format_decimals(a, COST_DECIMALS - 1),
            format_short(y),
            format_decimals(part, COST_DECIMALS),
        ]
        for digit, (a, y, part) in enumerate(zip(cost.a.tolist(), cost.y.tolist(), shown, strict=True))
    ]
    of_example = format_decimals(cost.cost, COST_DECIMALS + 1)
    rows.append(["sum", "", "", format_decimals(sum(shown), COST_DECIMALS)])
    mean = format_decimals(cost.cost / 10.0**exponent, COST_DECIMALS + 1)
    rows.append([f"cost of this example: sum / {len(shown)}", "", "", mean])
    figure = new_figure(3.9)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.4, 1])[0]
    heads = ["", "activation a", "target y", term + over_power(exponent)]
    draw_table(left.add_subplot(), (0.02, 0.54, 0.7, 0.97), heads, rows, sums=2)
    digit, axes = right.subplots(2, 1, height_ratios=[1, 1.4])
    show_digit(digit, example)
    edges = _bins(cost)
    costs = cost.training_costs.clamp(float(edges[0]), float(edges[-1])).numpy()
    axes.hist(costs, bins=edges, log=True, color=BLUE, edgecolor="white", linewidth=0.4)
    axes.set_xscale("log")
    axes.axvline(max(cost.average, edges[0]), color=ORANGE, linestyle="--")
    axes.axvline(max(cost.cost, edges[0]), color=INK, linestyle=":")
    axes.set(xlim=(edges[0], edges[-1]), xlabel="cost of an example", ylabel="training images")
    axes.set_title(
        f"{len(cost.training_costs):,} training images,\n"
        f"average C(w) = {format_decimals(cost.average, COST_DECIMALS + 1)} (dashed)\n"
        f"this example: {of_example} (dotted)"
    )
    axes.set_ylim(bottom=0.7)
    axes.xaxis.set_major_locator(LogLocator(numticks=5))  # a fixed number: the layout depends on the ticks
    axes.minorticks_off()
    return figure


def _bins(cost: Cost) -> np.ndarray:
    """Return the edges of the histogram's bins, a power of ten apart at both ends: costs differ by many.

    The cost of the example and the average lie between the edges. Smaller costs than 1e-9 of the largest count in the
    first bin.
    """
    high = max(float(cost.training_costs.max()), cost.cost) or 1.0
    low = max(min(float(cost.training_costs.min()), cost.cost), 1e-9 * high)
    return np.logspace(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1, BINS + 1)
