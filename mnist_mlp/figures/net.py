"""Figure 1: the net as neurons and connections, with the activations for the example."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import SCALED_TANH_A
from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import (
    GREEN,
    INK,
    NEGATIVE,
    POSITIVE,
    WIDTH,
    format_decimals,
    neuron_name,
    new_figure,
    show_digit,
    text_width,
)
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained

# The room in the figure. A deeper net is drawn without its middle layers.
MAX_COLUMNS = 5
MAX_NEURONS = 12  # per column
MAX_CONNECTIONS = 40  # between two columns
LABEL_GAP, EDGE = 0.14, 0.1  # inches from a neuron's centre to its label, and from the label to the figure's edge


class Column(NamedTuple):
    """Some neurons of one layer.

    layer: its number; 0 for the input neurons.
    size: how many neurons the layer has.
    function: the name of its σ; "pixel" for the input neurons.
    neurons: (n,) the numbers of the neurons shown, in order.
    activations: (n,) their activations.
    """

    layer: int
    size: int
    function: str
    neurons: Tensor
    activations: Tensor


class Connection(NamedTuple):
    """A weight from a neuron of one column to a neuron of the next.

    layer: the number of the first neuron's layer.
    start: the first neuron's position in its column.
    end: the second neuron's position in its column.
    weight: w.
    """

    layer: int
    start: int
    end: int
    weight: float


class Net(NamedTuple):
    """The part of the net that is shown.

    columns: from the input to the output layer.
    connections: the strongest weights between columns, weakest first.
    paper: the activation of a blank pixel.
    ink: the activation of a black pixel.
    """

    columns: list[Column]
    connections: list[Connection]
    paper: float
    ink: float


def compute_net(trained: Trained, example: Example) -> Net:
    """Choose the neurons and connections to show, and compute the activations for the example.

    All output neurons are shown. From each layer below, down to the pixels, the figure shows the neurons with the
    largest Σ |w| to the neurons shown above.
    """
    layers = copied_layers(trained.net)
    inputs = trained.preprocessing(example.image[None])[0]
    activations = [inputs, *(state.a for state in propagate(layers, inputs))]
    numbers = list(range(len(activations)))
    if len(numbers) > MAX_COLUMNS:
        numbers = [*numbers[: MAX_COLUMNS // 2], *numbers[-(MAX_COLUMNS - MAX_COLUMNS // 2) :]]
    columns: list[Column] = []
    connections: list[Connection] = []
    for number in reversed(numbers):
        a = activations[number]
        neurons = torch.arange(min(len(a), MAX_NEURONS))
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
    by_weight = sorted(connections, key=lambda connection: abs(connection.weight))
    return Net(columns, by_weight, trained.preprocessing.paper, trained.preprocessing.ink)


def _strongest(layer: int, weight: Tensor) -> list[Connection]:
    """Return the connections with the largest |w| of a weight matrix (m, n)."""
    m, n = weight.shape
    places = weight.abs().flatten().topk(min(MAX_CONNECTIONS, m * n)).indices.tolist()
    return [Connection(layer, place % n, place // n, float(weight[place // n, place % n])) for place in places]


def draw_net(net: Net, example: Example) -> Figure:
    """Draw the example on the left, with the pixels shown marked, then one column of neurons per layer."""
    figure = new_figure(4.9, layout=None)
    thumbnail = figure.add_axes((0.015, 0.36, 0.17, 0.264))
    show_digit(thumbnail, example)
    pixels = net.columns[0].neurons.numpy()
    thumbnail.scatter(pixels % 28, pixels // 28, marker="s", s=14, facecolors="none", edgecolors=GREEN, linewidths=1)
    axes = figure.add_axes((0, 0.09, 1, 0.9))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(-0.5, 13.1))
    outputs = net.columns[-1]
    room = max(text_width(text, weight="bold") for text in _output_labels(outputs)) + LABEL_GAP + EDGE
    xs = np.linspace(2.2, min(6.75, WIDTH - room), len(net.columns)).tolist()
    ys = [np.linspace(11, 0, 2 * len(column.neurons) + 1)[1::2].tolist() for column in net.columns]
    _draw_connections(axes, net, xs, ys)
    layers = [column.layer for column in net.columns]
    for i, column in enumerate(net.columns):
        _draw_column(axes, net, column, xs[i], ys[i])
        if i and column.layer - 1 not in layers:
            axes.text((xs[i - 1] + xs[i]) / 2, 5.5, "…", ha="center", va="center", fontsize=16)
    figure.text(
        0.5,
        0.015,
        "circles: neurons (large layers show only some); darker means a larger activation\n"
        "lines: the strongest weights; solid blue is positive, dashed orange is negative; thicker means stronger",
        ha="center",
        fontsize=8.5,
    )
    return figure


def _draw_connections(axes: Axes, net: Net, xs: Sequence[float], ys: Sequence[Sequence[float]]) -> None:
    """Draw a line for each connection. Colour and dashes show its sign, width and opacity its strength."""
    index = {column.layer: i for i, column in enumerate(net.columns)}
    strongest = abs(net.connections[-1].weight) or 1.0
    for layer, start, end, weight in net.connections:
        i, strength = index[layer], abs(weight) / strongest
        axes.plot(
            xs[i : i + 2],
            [ys[i][start], ys[i + 1][end]],
            color=POSITIVE if weight > 0 else NEGATIVE,
            linestyle="-" if weight > 0 else (0, (3, 1.5)),
            linewidth=0.3 + 2.2 * strength,
            alpha=0.25 + 0.7 * strength,
            zorder=1,
        )


def _draw_column(axes: Axes, net: Net, column: Column, x: float, ys: Sequence[float]) -> None:
    """Draw the neurons of a column as grey circles, with its title above and labels for pixels and outputs."""
    is_output = column is net.columns[-1]
    low, high = (net.paper, net.ink) if column.layer == 0 else _range(column)
    shades = ((column.activations.double() - low) / (high - low)).clamp(0, 1).tolist()
    colours = [str(1 - shade) for shade in shades]
    axes.scatter([x] * len(ys), ys, s=165, c=colours, edgecolors=INK, linewidths=0.9, zorder=2)
    axes.text(x, 13.1, _column_title(column, is_output), ha="center", va="top", linespacing=1.25)
    if column.layer == 0:
        for y, neuron in zip(ys, column.neurons.tolist(), strict=True):
            place = neuron_name("pixel", neuron).removeprefix("pixel ")
            axes.text(x - LABEL_GAP, y, place, ha="right", va="center", fontsize=8)
    if is_output:
        largest = column.activations == column.activations.max()
        for y, label, bold in zip(ys, _output_labels(column), largest.tolist(), strict=True):
            axes.text(x + LABEL_GAP, y, label, va="center", weight="bold" if bold else "normal")


def _output_labels(column: Column) -> list[str]:
    """Return the output neurons' labels: their digits and activations."""
    pairs = zip(column.neurons.tolist(), column.activations.tolist(), strict=True)
    return [f"{neuron}:  {format_decimals(a)}" for neuron, a in pairs]


def _column_title(column: Column, is_output: bool) -> str:
    """Return the layer's name and σ, and how many of its neurons are shown."""
    shown = f"\n{len(column.neurons)} of {column.size:,}" if len(column.neurons) < column.size else ""
    if column.layer == 0:
        return f"input: pixels\n(row, column){shown}"
    name = "output layer" if is_output else f"hidden layer {column.layer}"
    return f"{name}\n{column.function}{shown}"


def _range(column: Column) -> tuple[float, float]:
    """Return the limits of the layer's σ; for the identity, the smallest and the largest activation shown."""
    if column.function == "identity":
        low, high = float(column.activations.min()), float(column.activations.max())
        return low, high if high > low else low + max(1.0, abs(low))
    return {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "scaled_tanh": (-SCALED_TANH_A, SCALED_TANH_A)}[column.function]
