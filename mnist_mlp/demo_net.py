"""What the page of `mnist_mlp.demo` shows of a net, for one example: its activations, cost, gradient and update.

These are functions of the net's layers, which they leave as they are; an update gives new ones.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_mlp.backprop import Layer, gradient_descent
from mnist_mlp.errors import InputError
from mnist_mlp.layers import copy_of, propagate, sigma
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


class Gradient(NamedTuple):
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


def gradient(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int) -> Gradient:
    """The cost of the example (784,) that shows `digit`, and by back propagation its gradient.

    Args:
        net: gives the cost function and the targets; its weights are not used.
    """
    weights = [layer.weight.clone().requires_grad_() for layer in layers]
    biases = [None if layer.bias is None else layer.bias.clone().requires_grad_() for layer in layers]
    a = z = inputs[None]
    for weight, bias, layer in zip(weights, biases, layers, strict=True):
        z = F.linear(a, weight, bias)
        a = sigma(layer.activation, z)
    label = torch.tensor([digit])
    y = net.targets(label, a.dtype)
    cost = net.cost(a, label).mean()

    # Through a, the derivative of the logarithms loses what a near 0 or 1 cancels; in z it is a - y.
    cross_entropy = net.hparams["cost_function"] == "cross_entropy"
    function = F.binary_cross_entropy_with_logits(z, y) if cross_entropy else cost
    of = [*weights, *(bias for bias in biases if bias is not None)]
    deltas, *gradients = torch.autograd.grad(function, [z, *of])
    norms = [float(torch.linalg.vector_norm(part)) for part in gradients]
    of_biases: list[float | None] = [*norms[len(weights) :]] or [None] * len(weights)
    return Gradient(
        cost=cost.item(),
        targets=y[0],
        terms=net.cost_terms(a[0].detach(), y[0]),
        deltas=deltas[0],
        norms=list(zip(norms[: len(weights)], of_biases, strict=True)),
    )


def updated(net: SigmoidMLP, layers: Sequence[Layer], inputs: Tensor, digit: int, eta: float) -> list[Layer]:
    """The layers after one weight update by gradient descent on this example: w(t+1) = w(t) - η dC/dw.

    Raises:
        InputError: the new weights, or the cost and the gradient of the example, would not be finite numbers.
    """
    new = copy_of(layers)
    targets = net.targets(torch.tensor([digit]), inputs.dtype)
    gradient_descent(new, inputs[None], targets, [eta], batch_size=1, cost=net.hparams["cost_function"])
    found = gradient(net, new, inputs, digit)
    numbers = [found.cost, *(norm for norms in found.norms for norm in norms if norm is not None)]
    weights = [tensor for layer in new for tensor in (layer.weight, layer.bias) if tensor is not None]
    if not (all(map(math.isfinite, numbers)) and all(tensor.isfinite().all() for tensor in weights)):
        raise InputError(f"with η = {eta:g} the weights would grow beyond all numbers; take a smaller η.")
    return new
