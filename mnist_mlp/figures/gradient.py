"""TODO figures.gradient."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.backprop import Layer, gradient
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import training_files
from mnist_mlp.figures.style import BLUE, GREEN, INK, MINUS, ORANGE, decimal, new_figure, source_name, two_digits
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP

COST_CURVE_IMAGES = 5_000
COST_CURVE_POINTS = 121

# 5. The cost against one weight


class Tangent(NamedTuple):
    """At the weight's value w: the average cost there, dC/dw by back propagation, and the step -η dC/dw."""

    w: float
    cost: float
    slope: float
    step: float


class CostCurve(NamedTuple):
    """The average cost over `images` training images for values of one weight, from neuron `source` of the layer
    below to the output neuron `digit`; all other weights and biases as they are.

    weight: the trained net's own. gradient: dC/dw there. values, costs: (P,). eta: the run's learning rate.
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


def cost_against_a_weight(trained: Trained, data: MNISTData, images: int = COST_CURVE_IMAGES) -> CostCurve:
    """Figure 5: C(w) for the weight of the output layer with the largest |dC/dw|, on the first training images.

    The frame around the trained net's weight is doubled until the cost at one of its ends is four times that in the
    middle, from ±1 up to ±16. The tangents are at six tenths of the way to its ends.
    """
    examples, indices = training_files(data), data.train_indices[:images]
    x, labels = trained.preprocessing(examples.images[indices]).double(), examples.labels[indices]
    eta = float(trained.net.hparams["learning_rate"])
    layers = copied_layers(trained.net, torch.float64)
    slopes = _output_gradient(trained.net, layers, x, labels)
    j, k = divmod(int(slopes.abs().argmax()), slopes.shape[1])
    w = float(layers[-1].weight[j, k])
    states = propagate(layers, x)
    below = states[-2].a if len(layers) > 1 else x

    def cost(value: float) -> float:
        """Only z of neuron j depends on this weight."""
        a = states[-1].a.clone()
        z = states[-1].z[:, j] + (value - w) * below[:, k]
        a[:, j] = ACTIVATIONS[layers[-1].activation].sigma(z)
        return float(trained.net.cost(a, labels).mean())

    reach = 1.0
    while reach < 16 and max(cost(w - reach), cost(w + reach)) < 4 * cost(w):
        reach *= 2
    tangents = []
    for value in (w - 0.6 * reach, w + 0.6 * reach):
        layers[-1].weight[j, k] = value
        slope = float(_output_gradient(trained.net, layers, x, labels)[j, k])
        tangents.append(Tangent(value, cost(value), slope, -eta * slope))
    values = torch.linspace(w - reach, w + reach, COST_CURVE_POINTS, dtype=torch.float64)
    costs = torch.tensor([cost(value) for value in values.tolist()], dtype=torch.float64)
    kind = "hidden neuron" if len(layers) > 1 else "pixel"
    return CostCurve(j, k, kind, w, float(slopes[j, k]), values, costs, tangents, eta, len(x))


def _output_gradient(net: SigmoidMLP, layers: Sequence[Layer], x: Tensor, labels: Tensor) -> Tensor:
    """dC/dW of the output layer, by back propagation."""
    return gradient(layers, x, net.targets(labels, x.dtype), net.hparams["cost_function"])[-1].weight


def draw_cost_curve(curve: CostCurve) -> Figure:
    """Figure 5: the average cost against one weight, two tangents, and the steps that η makes there."""
    figure = new_figure(4.1)
    axes = figure.add_subplot()
    w, costs = curve.values.numpy(), curve.costs.numpy()
    room = costs.max() - costs.min() or 1e-9
    axes.plot(w, costs, color=BLUE, linewidth=2)
    axes.plot(curve.weight, np.interp(curve.weight, w, costs), "D", color=GREEN)
    longest = max(abs(tangent.step) for tangent in curve.tangents)
    times = 10.0 ** math.floor(math.log10(0.25 * (w[-1] - w[0]) / longest)) if longest > 0 else 1.0
    lines = []
    for name, tangent in zip("AB", curve.tangents, strict=True):
        x = np.array([tangent.w - 0.14 * (w[-1] - w[0]), tangent.w + 0.14 * (w[-1] - w[0])])
        axes.plot(x, tangent.cost + tangent.slope * (x - tangent.w), color=ORANGE, linestyle="--")
        axes.plot(tangent.w, tangent.cost, "o", color=ORANGE)
        axes.annotate(
            name, (tangent.w, tangent.cost), xytext=(0, 9), textcoords="offset points", ha="center", weight="bold"
        )
        if tangent.step:
            tip = (tangent.w + times * tangent.step, tangent.cost)
            axes.annotate("", tip, (tangent.w, tangent.cost), arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.4})
        lines.append(
            f"{name}:  w = {decimal(tangent.w)},  slope dC/dw = {two_digits(tangent.slope)},  "
            f"step {MINUS}η dC/dw = {two_digits(tangent.step)}"
        )
    drawn = "to scale" if times == 1 else f"{times:g} times as long as they are"
    lines.append(f"◆:  the trained net, w = {decimal(curve.weight)},  slope dC/dw = {two_digits(curve.gradient)}")
    lines.append(f"dashed: the tangents, by back propagation;  arrows: the steps with η = {curve.eta:g}, drawn {drawn}")
    figure.suptitle("\n".join(lines), fontsize=9, linespacing=1.5)
    axes.set(
        xlim=(w[0], w[-1]),
        ylim=(costs.min() - 0.12 * room, costs.max() + 0.08 * room),
        xlabel=f"weight w from {source_name(curve.below, curve.source)} to output neuron {curve.digit}",
        ylabel=f"average cost C(w), {curve.images:,} training images",
    )
    return figure
