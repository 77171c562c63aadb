"""Figure 9: back propagation for the example: the errors δ of each layer, one gradient and one weight update."""

from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.backprop import back_propagate, forward, gradients, output_error
from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import (
    GREY,
    INK,
    MINUS,
    NEGATIVE,
    POSITIVE,
    WIDTH,
    format_significant,
    new_figure,
    show_digit,
    weight_name,
)
from mnist_mlp.inference.forward import copied_layers
from mnist_mlp.inference.trained import Trained

MAX_LAYERS = 3
ROWS = 10  # neurons of a layer
MAX_LINES = 40  # between two layers
COLUMN = 1.78  # inches: a neuron's number, its δ and a bar
TINY = 1e-4  # smaller shares of the largest δ are shown as "≈ 0"
FAINTEST = 0.02  # smaller shares of the largest w δ have no line


class LayerErrors(NamedTuple):
    """Some neurons of one layer.

    layer: its number; the first hidden layer is 1.
    size: how many neurons the layer has.
    neurons: (n,) the numbers of the neurons shown, in order: those with the largest |δ|.
    delta: (n,) their errors δ.
    flow: (m, n) w δ from the m neurons shown of the layer above to these, summands of the error; None for the output
        layer.
    """

    layer: int
    size: int
    neurons: Tensor
    delta: Tensor
    flow: Tensor | None


class Errors(NamedTuple):
    """Back propagation for one example.

    layers: at most three, the output layer last.
    output: the output neuron j with the largest |δ|.
    a: its activation.
    y: its target.
    slope: σ′(z) of this neuron; None with cross-entropy, where it cancels.
    source: the neuron k below with the largest |δ|, or the pixel with the largest |a|.
    sum_below: Σ w δ over all output neurons, for neuron k; None for a pixel.
    slope_below: σ′(z) of neuron k.
    delta_below: δ of neuron k.
    source_a: its activation.
    weight: w from neuron k to output neuron j.
    gradient: dC/dw of this example's cost.
    eta: the run's learning rate η.
    updated: w - η dC/dw.
    """

    layers: list[LayerErrors]
    output: int
    a: float
    y: float
    slope: float | None
    source: int
    sum_below: float | None
    slope_below: float
    delta_below: float
    source_a: float
    weight: float
    gradient: float
    eta: float
    updated: float


def compute_errors(trained: Trained, example: Example) -> Errors:
    """Compute the errors of all layers for the example, and the update of one weight that this example alone makes."""
    net, cost = trained.net, trained.net.hparams["cost_function"]
    layers = copied_layers(net, torch.float64)
    image = trained.preprocessing(example.image[None]).double()
    y = net.targets(torch.tensor([example.label]), image.dtype).T
    states = forward(layers, image)
    deltas = back_propagate(layers, states, output_error(layers, states, y, cost))
    dW = gradients(layers, image, states, deltas, cost)[-1].weight

    columns: list[LayerErrors] = []
    for number in range(len(layers), max(0, len(layers) - MAX_LAYERS), -1):
        delta = deltas[number - 1][:, 0]
        neurons = delta.abs().sort(descending=True, stable=True).indices[:ROWS].sort().values
        flow = None
        if columns:
            above = columns[0]
            flow = layers[number].weight[above.neurons][:, neurons] * above.delta[:, None]
        columns.insert(0, LayerErrors(number, len(delta), neurons, delta[neurons], flow))

    slopes = [
        ACTIVATIONS[layer.activation].sigma_prime(state.a)[:, 0] for layer, state in zip(layers, states, strict=True)
    ]
    below = states[-2].a[:, 0] if len(layers) > 1 else image[0]
    j = int(deltas[-1].abs().argmax())
    k = int((deltas[-2][:, 0] if len(layers) > 1 else below).abs().argmax())
    w, eta = float(layers[-1].weight[j, k]), float(net.hparams["learning_rate"])
    return Errors(
        layers=columns,
        output=j,
        a=float(states[-1].a[j, 0]),
        y=float(y[j, 0]),
        slope=float(slopes[-1][j]) if cost == "mse" else None,
        source=k,
        sum_below=float(layers[-1].weight[:, k] @ deltas[-1][:, 0]) if len(layers) > 1 else None,
        slope_below=float(slopes[-2][k]) if len(layers) > 1 else 0.0,
        delta_below=float(deltas[-2][k, 0]) if len(layers) > 1 else 0.0,
        source_a=float(below[k]),
        weight=w,
        gradient=float(dW[j, k]),
        eta=eta,
        updated=w - eta * float(dW[j, k]),
    )


def draw_errors(errors: Errors, example: Example) -> Figure:
    """Draw the example, a column of errors for each layer with the flow between them, and the equations in numbers."""
    figure = new_figure(5.2, layout=None)
    show_digit(figure.add_axes((0.015, 0.56, 0.13, 0.183)), example)
    axes = figure.add_axes((0, 0.22, 1, 0.78))
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(-0.6, ROWS + 1.9))
    n = len(errors.layers)
    lefts = np.linspace(1.25, WIDTH - COLUMN - 0.08, n).tolist() if n > 1 else [3.5]
    for i, (layer, left) in enumerate(zip(errors.layers, lefts, strict=True)):
        _draw_column(axes, layer, left, is_output=i == n - 1)
        if layer.flow is not None:
            _draw_flow(axes, layer.flow, left + COLUMN + 0.06, lefts[i + 1] - 0.06)
    for line, (name, equation) in enumerate(reversed(_equations(errors))):
        figure.text(0.02, 0.04 + 0.046 * line, name)
        figure.text(0.27, 0.04 + 0.046 * line, equation)
    return figure


def _draw_column(axes: Axes, layer: LayerErrors, left: float, is_output: bool) -> None:
    """Draw a layer's title, and the number, δ and bar of each neuron shown."""
    name = "output layer" if is_output else f"hidden layer {layer.layer}"
    shown = f"\n{len(layer.neurons)} of {layer.size:,}" if len(layer.neurons) < layer.size else ""
    axes.text(left + COLUMN / 2, ROWS + 1.8, f"{name}{shown}", ha="center", va="top", linespacing=1.25)
    axes.text(left + 0.42, ROWS, "neuron", ha="right", va="center", color=GREY)
    axes.text(left + 1.17, ROWS, "δ", ha="right", va="center", color=GREY)
    largest = max(1e-300, float(layer.delta.abs().max()))
    middle, scale = left + 1.51, 0.26 / largest
    for row, (neuron, delta) in enumerate(zip(layer.neurons.tolist(), layer.delta.tolist(), strict=True)):
        y = ROWS - 1 - row
        axes.text(left + 0.42, y, str(neuron), ha="right", va="center")
        number = "≈ 0" if 0 < abs(delta) < TINY * largest else format_significant(delta, 2)
        axes.text(left + 1.17, y, number, ha="right", va="center")
        axes.barh(y, scale * delta, left=middle, height=0.62, color=POSITIVE if delta > 0 else NEGATIVE)
    axes.plot([middle, middle], [ROWS - 0.5, ROWS - 0.5 - len(layer.neurons)], color=INK, linewidth=0.8)


def _draw_flow(axes: Axes, flow: Tensor, left: float, right: float) -> None:
    """Draw the largest summands w δ as lines from the layer above, on the right, to the layer on the left."""
    m, n = flow.shape
    axes.annotate(
        "", (left, ROWS), (right, ROWS), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2}, va="center"
    )
    axes.text((left + right) / 2, ROWS + 0.25, "w δ", ha="center", va="bottom")
    largest = float(flow.abs().max()) or 1.0
    for place in flow.abs().flatten().topk(min(MAX_LINES, m * n)).indices.tolist()[::-1]:
        value = float(flow[place // n, place % n])
        if abs(value) < FAINTEST * largest:
            continue
        axes.plot(
            [left, right],
            [ROWS - 1 - place % n, ROWS - 1 - place // n],
            color=POSITIVE if value > 0 else NEGATIVE,
            linestyle="-" if value > 0 else (0, (3, 1.5)),
            linewidth=0.3 + 2.2 * abs(value) / largest,
            alpha=0.25 + 0.7 * abs(value) / largest,
            zorder=1,
        )


def _equations(errors: Errors) -> list[tuple[str, str]]:
    """Return the names and the equations that follow the largest error to one weight, each with its numbers rounded."""
    f, j, k = format_significant, errors.output, errors.source
    delta = (errors.a - errors.y) * (1.0 if errors.slope is None else errors.slope)
    w, d = weight_name(j, k), f"δ$_{{{j}}}$"
    slope, number = ("", "") if errors.slope is None else (" σ′(z)", f" · {f(errors.slope)}")
    factor = "1/10" if errors.slope is None else "2/10"
    lines = [
        (
            f"error of output neuron {j}",
            f"{d} = (a {MINUS} y){slope} = ({f(errors.a)} {MINUS} {_bracketed(f(errors.y))}){number} ≈ {f(delta)}",
        )
    ]
    if errors.sum_below is not None:
        product = f"{f(errors.sum_below)} · {f(errors.slope_below)}"
        lines.append(
            (f"error of hidden neuron {k}", f"δ$_{{{k}}}$ = (Σ w δ) σ′(z) = {product} ≈ {f(errors.delta_below)}")
        )
    product = f"{factor} · {_bracketed(f(delta))} · {_bracketed(f(errors.source_a))}"
    step = f"{errors.eta:g} · {_bracketed(f(errors.gradient))}"
    return [
        *lines,
        ("gradient", f"dC/d{w} = {factor} {d} a$_{{{k}}}$ = {product} ≈ {f(errors.gradient)}"),
        (
            "weight update",
            f"{w}(t+1) = {w}(t) {MINUS} η dC/d{w} = {f(errors.weight)} {MINUS} {step} ≈ {f(errors.updated)}",
        ),
    ]


def _bracketed(number: str) -> str:
    return f"({number})" if number.startswith(MINUS) else number
