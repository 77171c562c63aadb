"""Figure 5: the average cost against one weight, with its slope and the steps of gradient descent."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.backprop import Layer, gradient
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import training_examples
from mnist_mlp.figures.style import (
    BLUE,
    GREEN,
    INK,
    MINUS,
    ORANGE,
    format_decimals,
    format_two_digits,
    neuron_name,
    new_figure,
    weight_name,
)
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP

IMAGES = 5_000
POINTS = 121


class Tangent(NamedTuple):
    """The curve's tangent at one value of the weight.

    w: the value.
    cost: C(w).
    slope: dC/dw, by back propagation.
    step: -η dC/dw.
    """

    w: float
    cost: float
    slope: float
    step: float


class CostCurve(NamedTuple):
    """The average cost C(w) for values of one output weight. All other weights and biases keep their values.

    digit: the output neuron that the weight leads to.
    source: the neuron of the layer below that it comes from.
    below: the kind of that neuron, "hidden neuron" or "pixel".
    weight: the weight's value in the trained net.
    gradient: dC/dw there.
    values: (P,) of the weight.
    costs: (P,) C(w) for these values.
    tangents: one on either side of the trained weight.
    eta: the run's learning rate η.
    images: the number of training images that C(w) averages over.
    """

    digit: int
    source: int
    below: str
    weight: float
    gradient: float
    values: Tensor
    costs: Tensor
    tangents: list[Tangent]
    eta: float
    images: int


def compute_cost_curve(trained: Trained, data: MNISTData, images: int = IMAGES) -> CostCurve:
    """Compute C(w) for the output weight with the largest |dC/dw|, on the first training images.

    The curve reaches from w - r to w + r, where w is the trained weight. The reach r starts at 1, or at |w| / 100 if
    that is more. It doubles, at most four times, until the cost at one end is four times the cost at w. The tangents
    touch at w - 0.6 r and w + 0.6 r.
    """
    examples, indices = training_examples(data), data.train_indices[:images]
    x, labels = trained.preprocessing(examples.images[indices]).double(), examples.labels[indices]
    eta = float(trained.net.hparams["learning_rate"])
    layers = copied_layers(trained.net, torch.float64)
    slopes = _output_gradient(trained.net, layers, x, labels)
    j, k = divmod(int(slopes.abs().argmax()), slopes.shape[1])
    w = float(layers[-1].weight[j, k])
    states = propagate(layers, x)
    below = states[-2].a if len(layers) > 1 else x

    def cost(value: float) -> float:
        """Return C with this weight set to a value. Only z of output neuron j depends on it."""
        a = states[-1].a.clone()
        z = states[-1].z[:, j] + (value - w) * below[:, k]
        a[:, j] = ACTIVATIONS[layers[-1].activation].sigma(z)
        return float(trained.net.cost(a, labels).mean())

    unit = max(1.0, abs(w) / 100)
    reach = unit
    while reach < 16 * unit and max(cost(w - reach), cost(w + reach)) < 4 * cost(w):
        reach *= 2
    tangents = []
    for value in (w - 0.6 * reach, w + 0.6 * reach):
        layers[-1].weight[j, k] = value
        slope = float(_output_gradient(trained.net, layers, x, labels)[j, k])
        tangents.append(Tangent(value, cost(value), slope, -eta * slope))
    values = torch.linspace(w - reach, w + reach, POINTS, dtype=torch.float64)
    costs = torch.tensor([cost(value) for value in values.tolist()], dtype=torch.float64)
    kind = "hidden neuron" if len(layers) > 1 else "pixel"
    return CostCurve(j, k, kind, w, float(slopes[j, k]), values, costs, tangents, eta, len(x))


def _output_gradient(net: SigmoidMLP, layers: Sequence[Layer], x: Tensor, labels: Tensor) -> Tensor:
    """Return dC/dW of the output layer, by back propagation."""
    return gradient(layers, x, net.targets(labels, x.dtype), net.hparams["cost_function"])[-1].weight


def draw_cost_curve(curve: CostCurve) -> Figure:
    """Draw the curve, the trained weight, the two tangents and the steps."""
    figure = new_figure(4.1)
    axes = figure.add_subplot()
    w, costs = curve.values.numpy(), curve.costs.numpy()
    span, height = w[-1] - w[0], max(1e-9, costs.max() - costs.min(), 1e-6 * costs.max())
    axes.plot(w, costs, color=BLUE, linewidth=2)
    axes.plot(curve.weight, np.interp(curve.weight, w, costs), "D", color=GREEN)
    longest = max(abs(tangent.step) for tangent in curve.tangents)
    enlarged = 10.0 ** math.floor(math.log10(0.2 * span / longest)) if longest > 1e-99 else 1.0
    lines = []
    for name, tangent in zip("AB", curve.tangents, strict=True):
        _draw_tangent(axes, name, tangent, 0.14 * span, enlarged)
        slope = format_two_digits(tangent.slope)
        lines.append(
            f"{name}:  w(t+1) = w(t) {MINUS} η dC/dw = {format_decimals(tangent.w)} {MINUS} {curve.eta:g} · "
            f"{f'({slope})' if slope.startswith(MINUS) else slope} ≈ {format_decimals(tangent.w + tangent.step)}"
        )
    gradient_here = format_two_digits(curve.gradient)
    lines.append(f"◆:  the trained net, w = {format_decimals(curve.weight)},  slope dC/dw = {gradient_here}")
    drawn = "to scale" if enlarged == 1 else f"at {enlarged:g} times their length"
    lines.append(f"dashed: the slopes dC/dw, by back propagation;  arrows: the steps {MINUS}η dC/dw, drawn {drawn}")
    figure.suptitle("\n".join(lines), fontsize=9, linespacing=1.5)
    axes.set(
        xlim=(w[0], w[-1]),
        ylim=(costs.min() - 0.12 * height, costs.max() + 0.08 * height),
        xlabel=f"weight {weight_name(curve.digit, curve.source)} from {neuron_name(curve.below, curve.source)} "
        f"to output neuron {curve.digit}",
        ylabel=f"average cost C(w), {curve.images:,} training images",
    )
    return figure


def _draw_tangent(axes: Axes, name: str, tangent: Tangent, reach: float, enlarged: float) -> None:
    """Draw the point with its name, the tangent from w - reach to w + reach, and the enlarged step as an arrow."""
    point = tangent.w, tangent.cost
    x = np.array([tangent.w - reach, tangent.w + reach])
    axes.plot(x, tangent.cost + tangent.slope * (x - tangent.w), color=ORANGE, linestyle="--")
    axes.plot(*point, "o", color=ORANGE)
    axes.annotate(name, point, xytext=(0, 9), textcoords="offset points", ha="center", weight="bold")
    if tangent.step:
        tip = tangent.w + enlarged * tangent.step, tangent.cost
        axes.annotate("", tip, point, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4})
