"""Figure 4: the cost of the example, term by term, and the costs of all training images."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import Example, training_examples
from mnist_mlp.figures.style import (
    BLUE,
    COST_DECIMALS,
    INK,
    MINUS,
    ORANGE,
    draw_table,
    format_decimals,
    format_short,
    new_figure,
    round_to_sum,
    show_digit,
)
from mnist_mlp.inference.trained import Trained


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
    shown = round_to_sum(cost.terms.tolist(), COST_DECIMALS, int(cost.terms.argmax()))
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
    rows.append([f"cost of this example: sum / {len(shown)}", "", "", of_example])
    figure = new_figure(3.9, layout=None)
    table = figure.add_axes((0.015, 0.02, 0.53, 0.96))
    draw_table(table, (0.0, 0.54, 0.7, 0.97), ["", "activation a", "target y", term], rows, sums=2)
    show_digit(figure.add_axes((0.745, 0.735, 0.125, 0.2436)), example)
    axes = figure.add_axes((0.66, 0.13, 0.325, 0.33))
    axes.hist(cost.training_costs.numpy(), bins=40, color=BLUE, edgecolor="white", linewidth=0.4, log=True)
    axes.axvline(cost.average, color=ORANGE, linestyle="--")
    axes.axvline(cost.cost, color=INK, linestyle=":")
    axes.set(xlabel="cost of an example", ylabel="training images")
    axes.set_title(
        f"{len(cost.training_costs):,} training images,\n"
        f"average C(w) = {format_decimals(cost.average, COST_DECIMALS + 1)} (dashed)\n"
        f"this example: {of_example} (dotted)"
    )
    axes.set_ylim(bottom=0.7)
    axes.minorticks_off()
    return figure
