"""TODO figures.neuron."""

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
    ORANGE,
    POSITIVE,
    decimal,
    draw_table,
    new_figure,
    rounded_to_add_up,
    show_digit,
    source_name,
)
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained

TERMS = 8  # of the sum in figure 2


# 2. One neuron


class Term(NamedTuple):
    """source: the number of the neuron below. product: activation times weight."""

    source: int
    activation: float
    weight: float
    product: float


class Neuron(NamedTuple):
    """An output neuron: z = the products of all neurons below + the bias, a = σ(z).

    terms: the largest products by amount, in that order. n_others, others: how many more there are, and their sum.
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


def one_neuron(trained: Trained, example: Example) -> Neuron:
    """Figure 2: the output neuron of the example's digit."""
    layers = copied_layers(trained.net, torch.float64)
    inputs = trained.preprocessing(example.image[None])[0].double()
    states = propagate(layers, inputs)
    below = states[-2].a if len(layers) > 1 else inputs
    weight, bias, function = layers[-1]
    w = weight[example.label]
    products = w * below
    largest = products.abs().sort(descending=True, stable=True).indices[:TERMS]
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
    """Figure 2: one neuron's sum as a table, and its activation on the curve of σ."""
    others, bias = [neuron.others] * (neuron.n_others > 0), [] if neuron.bias is None else [neuron.bias]
    parts = [*(term.product for term in neuron.terms), *others, *bias]
    balance = len(neuron.terms) if others else 0
    shown = rounded_to_add_up(parts, DECIMALS, balance)
    names = [source_name(neuron.below, term.source) for term in neuron.terms]
    names += [f"{neuron.n_others:,} others together"] * len(others) + ["bias b"] * len(bias)
    rows = [[name, "", "", decimal(part)] for name, part in zip(names, shown, strict=True)]
    for row, term in zip(rows, neuron.terms, strict=False):
        row[1:3] = decimal(term.activation), decimal(term.weight)
    rows.append([f"sum z{'' if bias else ' (this net has no biases)'}", "", "", decimal(sum(shown))])
    figure = new_figure(3.8, layout=None)
    table = figure.add_axes((0.015, 0.02, 0.62, 0.96))
    y = draw_table(table, (0.0, 0.46, 0.63, 0.82), ["from", "activation a", "weight w", "product a w"], rows)
    scale = 0.07 / max(1e-9, *map(abs, parts))
    for height, part in zip(y, parts, strict=False):
        table.barh(height, scale * part, left=0.92, height=0.045, color=POSITIVE if part > 0 else NEGATIVE)
    table.plot([0.92, 0.92], [y[-1] + 0.04, y[0] + 0.04], color=INK, linewidth=0.8)
    show_digit(figure.add_axes((0.76, 0.735, 0.125, 0.25)), example)
    axes = figure.add_axes((0.7, 0.13, 0.28, 0.36))
    z = np.linspace(-(reach := max(6.0, 1.25 * abs(neuron.z))), reach, 201)
    axes.plot(z, ACTIVATIONS[neuron.function].sigma(torch.from_numpy(z)).numpy(), color=BLUE)
    axes.plot([neuron.z, neuron.z, -reach], [axes.get_ylim()[0], neuron.a, neuron.a], color=INK, linestyle=":")
    axes.plot(neuron.z, neuron.a, "o", color=ORANGE)
    axes.set(xlim=(-reach, reach), xlabel="z", ylabel="a")
    axes.set_title(f"output neuron {neuron.digit}: a = σ(z)\nσ({decimal(neuron.z)}) = {decimal(neuron.a)}")
    return figure
