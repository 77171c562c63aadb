"""TODO figures.net."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import SCALED_TANH_A
from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import INK, NEGATIVE, ORANGE, POSITIVE, WIDTH, decimal, new_figure, show_digit, source_name
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained

# What figure 1 has room for; of a deeper net, the middle layers are left out.
COLUMNS = 5
NEURONS = 12
LINES = 40


# 1. The net


class Column(NamedTuple):
    """Some neurons of a layer. layer: 0 are the input neurons. size: how many it has in all. function: its σ.

    neurons: (n,) which, in order. activations: (n,).
    """

    layer: int
    size: int
    function: str
    neurons: Tensor
    activations: Tensor


class Connection(NamedTuple):
    """From a neuron of a layer to one of the next, each by its place among those of its column."""

    layer: int
    start: int
    end: int
    weight: float


class Net(NamedTuple):
    """columns: from the input to the output layer. connections: the strongest, weakest first. paper, ink: the
    activations of such pixels."""

    columns: list[Column]
    connections: list[Connection]
    paper: float
    ink: float


def net_at_work(trained: Trained, example: Example) -> Net:
    """Figure 1: some neurons of each layer with their activations for the example, and the strongest weights between.

    All output neurons; of the layer below those with the largest weights to them, by Σ |w|; and so on, down to the
    pixels.
    """
    layers = copied_layers(trained.net)
    inputs = trained.preprocessing(example.image[None])[0]
    activations = [inputs, *(state.a for state in propagate(layers, inputs))]
    numbers = list(range(len(activations)))
    if len(numbers) > COLUMNS:
        numbers = [*numbers[: COLUMNS // 2], *numbers[-(COLUMNS - COLUMNS // 2) :]]
    columns: list[Column] = []
    connections: list[Connection] = []
    for number in reversed(numbers):
        a = activations[number]
        neurons = torch.arange(min(len(a), NEURONS))
        if number < len(layers):
            weight = layers[number].weight
            above = columns[0] if columns[0].layer == number + 1 else None
            if above is not None:
                weight = weight[above.neurons]
            neurons = weight.abs().sum(dim=0).topk(len(neurons)).indices.sort().values
            if above is not None:
                connections += _strongest(number, weight[:, neurons])
        function = layers[number - 1].activation if number else "pixel"
        columns.insert(0, Column(number, len(a), function, neurons, a[neurons]))
    by_weight = sorted(connections, key=lambda line: abs(line.weight))
    return Net(columns, by_weight, trained.preprocessing.paper, trained.preprocessing.ink)


def _strongest(layer: int, weight: Tensor) -> list[Connection]:
    """Of the weights (m, n), the largest ones by amount."""
    m, n = weight.shape
    places = weight.abs().flatten().topk(min(LINES, m * n)).indices.tolist()
    return [Connection(layer, place % n, place // n, float(weight[place // n, place % n])) for place in places]


def draw_net(net: Net, example: Example) -> Figure:
    """Figure 1: the net as neurons and connections."""
    figure = new_figure(4.9, layout=None)
    thumbnail = figure.add_axes((0.015, 0.36, 0.17, 0.264))
    show_digit(thumbnail, example)
    pixels = net.columns[0].neurons.numpy()
    thumbnail.scatter(pixels % 28, pixels // 28, marker="s", s=14, facecolors="none", edgecolors=ORANGE, linewidths=1)
    axes = figure.add_axes((0, 0.09, 1, 0.9))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(-0.5, 13.1))
    xs = np.linspace(2.2, 6.75, len(net.columns))
    heights = [np.linspace(11, 0, 2 * len(c.neurons) + 1)[1::2] for c in net.columns]
    place = {column.layer: i for i, column in enumerate(net.columns)}
    strongest = abs(net.connections[-1].weight)
    for layer, start, end, weight in net.connections:
        i, share = place[layer], abs(weight) / strongest
        axes.plot(
            xs[i : i + 2],
            [heights[i][start], heights[i + 1][end]],
            color=POSITIVE if weight > 0 else NEGATIVE,
            linestyle="-" if weight > 0 else (0, (3, 1.5)),
            linewidth=0.3 + 2.2 * share,
            alpha=0.25 + 0.7 * share,
            zorder=1,
        )
    for i, (x, column) in enumerate(zip(xs, net.columns, strict=True)):
        last = i == len(net.columns) - 1
        low, high = (net.paper, net.ink) if column.layer == 0 else _range(column)
        ink = ((column.activations - low) / (high - low)).clamp(0, 1).tolist()
        colours = [str(1 - share) for share in ink]
        axes.scatter([x] * len(ink), heights[i], s=165, c=colours, edgecolors=INK, linewidths=0.9, zorder=2)
        axes.text(x, 13.1, _column_title(column, last), ha="center", va="top", linespacing=1.25)
        if i and column.layer - 1 not in place:
            axes.text((xs[i - 1] + x) / 2, 5.5, "…", ha="center", va="center", fontsize=16)
        for y, neuron, a in zip(heights[i], column.neurons.tolist(), column.activations.tolist(), strict=True):
            if column.layer == 0:
                axes.text(
                    x - 0.14,
                    y,
                    source_name("pixel", neuron).removeprefix("pixel "),
                    ha="right",
                    va="center",
                    fontsize=8,
                )
            if last:
                bold = "bold" if a == float(column.activations.max()) else "normal"
                axes.text(x + 0.14, y, f"{neuron}:  {decimal(a)}", va="center", weight=bold)
    figure.text(
        0.5,
        0.015,
        "neurons, of large layers only some: the darker, the larger the activation\n"
        "the strongest weights between them: solid orange positive, dashed blue negative; the thicker, the stronger",
        ha="center",
        fontsize=8.5,
    )
    return figure


def _column_title(column: Column, last: bool) -> str:
    shown = f"\n{len(column.neurons)} of {column.size:,}" if len(column.neurons) < column.size else ""
    if column.layer == 0:
        return f"input: pixels\n(row, column){shown}"
    return (f"output layer\n{column.function}" if last else f"hidden layer {column.layer}\n{column.function}") + shown


def _range(column: Column) -> tuple[float, float]:
    """The lowest and the highest activation that the layer's σ can give; for the identity, of those shown."""
    if column.function == "identity":
        low, high = float(column.activations.min()), float(column.activations.max())
        return low, max(high, low + 1e-6)
    return {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "scaled_tanh": (-SCALED_TANH_A, SCALED_TANH_A)}[column.function]
