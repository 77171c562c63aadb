"""What the page shows of a net for one example: a neuron's weighted sum, the cost, the gradient, a weight update.

All functions take the net's layers and leave them unchanged. An update returns new layers.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp import backprop
from mnist_mlp.backprop import CostName, Layer, back_propagate, forward, gradients, output_error, scale, update
from mnist_mlp.errors import InputError
from mnist_mlp.inference.forward import propagate
from mnist_mlp.model import SigmoidMLP


class WeightedSum(NamedTuple):
    """One neuron's activation: z = Σ weights * inputs + bias, a = σ(z).

    weights: (n,), one for each neuron of the layer below.
    inputs: (n,), the activations of the layer below.
    bias: None if the net has no biases.
    z: the weighted sum.
    a: the activation.
    """

    weights: Tensor
    inputs: Tensor
    bias: float | None
    z: float
    a: float


class ExampleGradient(NamedTuple):
    """The cost of one example and its gradient.

    cost: C, the mean of `terms`.
    targets: (10,), y, the target activations of the output neurons.
    terms: (10,), each output neuron's term of the cost; (a - y)² for mean squared error.
    deltas: (10,), δ = dC/dz of the output layer.
    norms: the Euclidean norms of dC/dW and dC/db of each layer; the latter is None if the layer has no biases.
    """

    cost: float
    targets: Tensor
    terms: Tensor
    deltas: Tensor
    norms: list[tuple[float, float | None]]


def neuron(layers: Sequence[Layer], inputs: Tensor, layer: int, index: int) -> WeightedSum:
    """Return the weighted sum of neuron `index` of `layer`, both counted from 0; layer 0 is the first hidden layer.

    Args:
        layers: the net.
        inputs: (784,), the input neurons' activations.
        layer: its number.
        index: the neuron's number within the layer.
    """
    states = propagate(layers, inputs)
    weight, bias, _ = layers[layer]
    z, a = states[layer]
    return WeightedSum(
        weights=weight[index],
        inputs=states[layer - 1].a if layer else inputs,
        bias=None if bias is None else float(bias[index]),
        z=float(z[index]),
        a=float(a[index]),
    )


def gradient(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int) -> ExampleGradient:
    """Return the cost of one example and its gradient by back propagation (backprop.py).

    Args:
        net: gives the cost function and the targets. Its weights are not used.
        layers: the net's layers, as they are after the updates so far.
        inputs: (784,), the input neurons' activations.
        digit: the label.
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
        deltas=scale(deltas[-1], cost) * deltas[-1][:, 0],
        norms=norms,
    )


def _norm(part: Tensor) -> float:
    return float(torch.linalg.vector_norm(part))


def updated(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int, eta: float) -> list[Layer]:
    """Return the layers after one weight update on this example: w(t+1) = w(t) - η dC/dw.

    Raises:
        InputError: the new weights, or the cost or gradient that they give, are not finite.
    """
    targets = net.targets(torch.tensor([digit]), inputs.dtype)
    new = update(layers, backprop.gradient(layers, inputs[None], targets, net.hparams["cost_function"]), eta)
    found = gradient(net, new, inputs, digit)
    numbers = [found.cost, *(norm for norms in found.norms for norm in norms if norm is not None)]
    weights = [tensor for layer in new for tensor in (layer.weight, layer.bias) if tensor is not None]
    if not (all(map(math.isfinite, numbers)) and all(tensor.isfinite().all() for tensor in weights)):
        raise InputError(f"with η = {eta:g} the weights would overflow; take a smaller η.")
    return new
