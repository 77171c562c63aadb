"""Figure 2: one output neuron, z = Σ a w + b and a = σ(z), in numbers."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import (
    BLUE,
    DECIMALS,
    INK,
    NEGATIVE,
    POSITIVE,
    common_exponent,
    draw_table,
    format_decimals,
    neuron_name,
    new_figure,
    over_power,
    round_to_sum,
    show_digit,
    weight_name,
)
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained

MAX_TERMS = 8
LIMITS: dict[str, tuple[float, float]] = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}  # of the axis of a


class Term(NamedTuple):
    """One product of the weighted sum.

    source: the number of the neuron below.
    activation: its activation a.
    weight: w.
    product: a w.
    """

    source: int
    activation: float
    weight: float
    product: float


class Neuron(NamedTuple):
    """An output neuron and its weighted sum.

    digit: its number.
    function: the name of its σ.
    below: the kind of the neurons below, "hidden neuron" or "pixel".
    terms: the products with the largest amounts, in that order.
    n_others: the number of the other products.
    others: their sum.
    bias: b; None if the net has no biases.
    z: the weighted sum, all products plus b.
    a: σ(z).
    """

    digit: int
    function: ActivationName
    below: str
    terms: list[Term]
    n_others: int
    others: float
    bias: float | None
    z: float
    a: float


def compute_neuron(trained: Trained, example: Example) -> Neuron:
    """Compute the weighted sum of the output neuron of the example's digit."""
    layers = copied_layers(trained.net, torch.float64)
    inputs = trained.preprocessing(example.image[None])[0].double()
    states = propagate(layers, inputs)
    below = states[-2].a if len(layers) > 1 else inputs
    weight, bias, function = layers[-1]
    w = weight[example.label]
    products = w * below
    largest = products.abs().sort(descending=True, stable=True).indices[:MAX_TERMS]
    return Neuron(
        digit=example.label,
        function=function,
        below="hidden neuron" if len(layers) > 1 else "pixel",
        terms=[Term(int(k), float(below[k]), float(w[k]), float(products[k])) for k in largest],
        n_others=len(products) - len(largest),
        others=float(products.sum() - products[largest].sum()),
        bias=None if bias is None else float(bias[example.label]),
        z=float(states[-1].z[example.label]),
        a=float(states[-1].a[example.label]),
    )


def draw_neuron(neuron: Neuron, example: Example) -> Figure:
    """Draw the weighted sum as a table with bars, and the activation on the curve of σ."""
    others = [neuron.others] if neuron.n_others else []
    bias = [] if neuron.bias is None else [neuron.bias]
    parts = [*(term.product for term in neuron.terms), *others, *bias]
    # The rounded parts have to add up. The row of the other neurons takes the difference.
    exponent = common_exponent(parts)
    shown = round_to_sum([part / 10**exponent for part in parts], DECIMALS, len(neuron.terms) if others else 0)
    names = [neuron_name(neuron.below, term.source) for term in neuron.terms]
    names += [f"{neuron.n_others:,} other neurons"] * len(others) + ["bias b"] * len(bias)
    rows = [[name, "", "", format_decimals(part)] for name, part in zip(names, shown, strict=True)]
    for row, term in zip(rows, neuron.terms, strict=False):
        weight = f"{weight_name(neuron.digit, term.source)} = {format_decimals(term.weight)}"
        row[1:3] = format_decimals(term.activation), weight
    rows.append([f"sum z{'' if bias else ' (this net has no biases)'}", "", "", format_decimals(sum(shown))])
    product = f"a w{over_power(exponent)}" if exponent else "a w"
    figure = new_figure(3.8)
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[2.1, 1])[0]
    table = left.add_subplot()
    y = draw_table(table, (0.01, 0.43, 0.69, 0.85), ["from", "activation a", "weight w", product], rows)
    scale = 0.065 / max(1e-9, *map(abs, parts))
    for height, part in zip(y, parts, strict=False):
        table.barh(height, scale * part, left=0.93, height=0.045, color=POSITIVE if part > 0 else NEGATIVE)
    table.plot([0.93, 0.93], [y[-1] + 0.04, y[0] + 0.04], color=INK, linewidth=0.8)
    digit, axes = right.subplots(2, 1, height_ratios=[1, 1.4])
    show_digit(digit, example)
    reach = max(6.0, 1.25 * abs(neuron.z))
    z = np.linspace(-reach, reach, 201)
    axes.plot(z, ACTIVATIONS[neuron.function].sigma(torch.from_numpy(z)).numpy(), color=BLUE, clip_on=False)
    if neuron.function in LIMITS:
        axes.set_ylim(*LIMITS[neuron.function])
    axes.plot([neuron.z, neuron.z, -reach], [axes.get_ylim()[0], neuron.a, neuron.a], color=INK, linestyle=":")
    axes.plot(neuron.z, neuron.a, "o", color=INK, clip_on=False)
    axes.set(xlim=(-reach, reach), xlabel="z", ylabel="a")
    axes.locator_params(nbins=5)  # otherwise the ticks would depend on the layout, which depends on them
    z_shown, a_shown = format_decimals(neuron.z), format_decimals(neuron.a)
    axes.set_title(f"output neuron {neuron.digit}: a = σ(z)\nσ({z_shown}) = {a_shown}")
    return figure
