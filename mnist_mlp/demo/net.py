"""What the page of `mnist_mlp.demo` shows of a net, for one example: its activations, cost, gradient and update.

These are functions of the net's layers, which they leave as they are; an update gives new ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp import backprop
from mnist_mlp.backprop import CostName, Layer, back_propagate, forward, gradients, output_error, update
from mnist_mlp.errors import InputError
from mnist_mlp.inference.forward import propagate
from mnist_mlp.model import SigmoidMLP


class WeighedInputs(NamedTuple):
    """How one neuron comes to its activation: z = Σ weights * inputs + bias, a = σ(z).

    weights, inputs: (n,), one per neuron of the layer below. bias: None if the net has none.
    """

    weights: Tensor
    inputs: Tensor
    bias: float | None
    z: float
    a: float


class ExampleGradient(NamedTuple):
    """The cost of one example and its gradient.

    cost: C, the mean of `terms`.
    targets: (10,) y, what the output neurons are to give.
    terms: (10,) of each output neuron; (a - y)² for the mean squared error.
    deltas: (10,) δ = dC/dz of the output layer.
    norms: of each layer, the Euclidean norms of dC/dW and dC/db; the latter None where there are no biases.
    """

    cost: float
    targets: Tensor
    terms: Tensor
    deltas: Tensor
    norms: list[tuple[float, float | None]]


def neuron(layers: Sequence[Layer], inputs: Tensor, layer: int, index: int) -> WeighedInputs:
    """Neuron `index` of `layer`, both counted from 0; layer 0 is the one above the input neurons."""
    states = propagate(layers, inputs)
    weight, bias, _ = layers[layer]
    z, a = states[layer]
    return WeighedInputs(
        weights=weight[index],
        inputs=states[layer - 1].a if layer else inputs,
        bias=None if bias is None else float(bias[index]),
        z=float(z[index]),
        a=float(a[index]),
    )


def gradient(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int) -> ExampleGradient:
    """The cost of the example (784,) that shows `digit`, and by back propagation its gradient.

    Args:
        net: gives the cost function and the targets; its weights are not used.
    """
    label = torch.tensor([digit])
    y = net.targets(label, inputs.dtype)
    cost: CostName = net.hparams["cost_function"]
    states = forward(layers, inputs[None])
    deltas = back_propagate(layers, states, output_error(layers, states, y.T, cost))
    norms = [
        (_norm(of_layer.weight), None if of_layer.bias is None else _norm(of_layer.bias))
        for of_layer in gradients(layers, inputs[None], states, deltas, cost)
    ]
    a = states[-1].a.T
    return ExampleGradient(
        cost=net.cost(a, label).item(),
        targets=y[0],
        terms=net.cost_terms(a[0], y[0]),
        deltas=(2 if cost == "mse" else 1) / y.numel() * deltas[-1][:, 0],
        norms=norms,
    )


def _norm(part: Tensor) -> float:
    return float(torch.linalg.vector_norm(part))


def updated(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int, eta: float) -> list[Layer]:
    """The layers after one weight update by gradient descent on this example: w(t+1) = w(t) - η dC/dw.

    Raises:
        InputError: the new weights, or the cost and the gradient of the example, would not be finite numbers.
    """
    targets = net.targets(torch.tensor([digit]), inputs.dtype)
    new = update(layers, backprop.gradient(layers, inputs[None], targets, net.hparams["cost_function"]), eta)
    found = gradient(net, new, inputs, digit)
    numbers = [found.cost, *(norm for norms in found.norms for norm in norms if norm is not None)]
    weights = [tensor for layer in new for tensor in (layer.weight, layer.bias) if tensor is not None]
    if not (all(map(math.isfinite, numbers)) and all(tensor.isfinite().all() for tensor in weights)):
        raise InputError(f"with η = {eta:g} the weights would grow beyond all numbers; take a smaller η.")
    return new
