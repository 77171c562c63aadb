"""TODO figures.cost."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import Example, training_files
from mnist_mlp.figures.style import (
    BLUE,
    COST_DECIMALS,
    INK,
    MINUS,
    ORANGE,
    decimal,
    draw_table,
    new_figure,
    rounded_to_add_up,
    short,
    show_digit,
)
from mnist_mlp.inference.trained import Trained

# 4. The cost


class Cost(NamedTuple):
    """a, y, terms: (10,) of each output neuron; `cost` is their mean. function: "mse" or "cross_entropy".

    training_costs: (N,) of the training images, undeformed; `average` is their mean, C(w).
    """

    a: Tensor
    y: Tensor
    terms: Tensor
    cost: float
    function: str
    training_costs: Tensor
    average: float


def cost_term_by_term(trained: Trained, example: Example, data: MNISTData) -> Cost:
    """Figure 4: the cost of the example, and the average cost over the training set."""
    net, function = trained.net, trained.net.hparams["cost_function"]
    a = trained.activations(example.image[None]).double()
    label = torch.tensor([example.label])
    y = net.targets(label, a.dtype)
    terms = net.cost_terms(a, y)
    examples = training_files(data)
    costs = net.cost(
        trained.activations(examples.images[data.train_indices]).double(), examples.labels[data.train_indices]
    )
    return Cost(a[0], y[0], terms[0], float(net.cost(a, label)), function, costs, float(costs.mean()))


def draw_cost(cost: Cost, example: Example) -> Figure:
    """Figure 4: the cost of one example, term by term, and those of the whole training set."""
    term = f"(a {MINUS} y)²" if cost.function == "mse" else "term"
    shown = rounded_to_add_up(cost.terms.tolist(), COST_DECIMALS, int(cost.terms.argmax()))
    rows = [
        [f"output neuron {digit}", decimal(a, COST_DECIMALS - 1), short(y), decimal(part, COST_DECIMALS)]
        for digit, (a, y, part) in enumerate(zip(cost.a.tolist(), cost.y.tolist(), shown, strict=True))
    ]
    rows.append(["sum", "", "", decimal(sum(shown), COST_DECIMALS)])
    rows.append([f"cost of this example: sum / {len(shown)}", "", "", decimal(cost.cost, COST_DECIMALS + 1)])
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
        f"{len(cost.training_costs):,} training images,\naverage C(w) = {decimal(cost.average, COST_DECIMALS + 1)} "
        f"(dashed)\nthis example: {decimal(cost.cost, COST_DECIMALS + 1)} (dotted)"
    )
    axes.set_ylim(bottom=0.7)
    axes.minorticks_off()
    return figure
