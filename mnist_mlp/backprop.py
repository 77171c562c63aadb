"""Back propagation as the article's equations, to be read. Autograd and fast/kernels.py are tested against it.

A mini-batch's activations are columns: a⁰ (784, B) are the images, y (10, B) the one-hot targets. For the layers
l = 1 ... L:

    forward propagation     z^l = W^l a^(l-1) + b^l,   a^l = σ(z^l)
    average cost            C = 1/(10 B) Σ (a^L - y)²
    output layer's error    δ^L = (a^L - y) ∘ σ′(z^L)
    back propagation        δ^(l-1) = (W^l)ᵀ δ^l ∘ σ′(z^(l-1))
    gradient                dC/dW^l = 2/(10 B) δ^l (a^(l-1))ᵀ,   dC/db^l = 2/(10 B) Σ δ^l
    weight update           w(t+1) = w(t) - η dC/dw

So dC/dz^l is 2/(10 B) δ^l. σ′(z) follows from a = σ(z) alone (activations.py). With cross-entropy,
C = -1/(10 B) Σ y ln a + (1 - y) ln(1 - a), and sigmoid outputs, σ′ cancels: δ^L = a^L - y, and the factor is 1/(10 B).

Nielsen's book derives the equations (chapter 2, BP1 to BP4); there the cost is half the summed squares.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS, ActivationName

if TYPE_CHECKING:
    from mnist_mlp.model import SigmoidMLP

CostName = Literal["mse", "cross_entropy"]


class Layer(NamedTuple):
    """A dense layer of m neurons on n inputs.

    weight: W (m, n).
    bias: b (m,), or None.
    activation: the name of σ.
    """

    weight: Tensor
    bias: Tensor | None
    activation: ActivationName


class State(NamedTuple):
    """A layer in forward propagation: the weighted sums z and the activations a = σ(z), both (m, B)."""

    z: Tensor
    a: Tensor


class Gradient(NamedTuple):
    """dC/dW (m, n) and dC/db (m,) of a layer; the latter is None where the layer has no bias."""

    weight: Tensor
    bias: Tensor | None


def layers_of(net: "SigmoidMLP") -> list[Layer]:
    """The net's layers, first hidden layer first. They share the net's memory, without gradients."""
    sigmas = [net.hparams["activation"]] * (len(net.layers) - 1) + [net.hparams["output_activation"]]
    return [
        Layer(layer.weight.detach(), None if layer.bias is None else layer.bias.detach(), sigma)
        for layer, sigma in zip(net.linear_layers, sigmas, strict=True)
    ]


def forward(layers: Sequence[Layer], images: Tensor) -> list[State]:
    """Forward propagation: images (B, n) -> z and a of each layer, the output layer last."""
    states, a = [], images.T
    for W, b, activation in layers:
        z = W @ a if b is None else W @ a + b[:, None]
        a = ACTIVATIONS[activation].sigma(z)
        states.append(State(z, a))
    return states


def output_error(layers: Sequence[Layer], states: Sequence[State], y: Tensor, cost: CostName = "mse") -> Tensor:
    """The output layer's error δ^L (10, B), for targets y (10, B)."""
    a = states[-1].a
    return a - y if cost == "cross_entropy" else (a - y) * ACTIVATIONS[layers[-1].activation].sigma_prime(a)


def back_propagate(layers: Sequence[Layer], states: Sequence[State], delta: Tensor) -> list[Tensor]:
    """Back propagation: δ^L -> the errors δ¹, ..., δ^L (m, B), computed from the last layer backwards."""
    deltas = [delta]
    for i in range(len(layers) - 1, 0, -1):
        sigma_prime = ACTIVATIONS[layers[i - 1].activation].sigma_prime(states[i - 1].a)
        deltas.insert(0, layers[i].weight.T @ deltas[0] * sigma_prime)
    return deltas


def scale(delta: Tensor, cost: CostName = "mse") -> float:
    """The factor between δ^L (10, B) and dC/dz^L: 2/(10 B), or 1/(10 B) for cross-entropy."""
    return (2 if cost == "mse" else 1) / delta.numel()


def gradients(
    layers: Sequence[Layer], images: Tensor, states: Sequence[State], deltas: Sequence[Tensor], cost: CostName = "mse"
) -> list[Gradient]:
    """The gradient of the average cost, dC/dW and dC/db of each layer."""
    factor = scale(deltas[-1], cost)
    inputs = [images.T, *(state.a for state in states[:-1])]
    return [
        Gradient(factor * delta @ a.T, None if layer.bias is None else factor * delta.sum(dim=1))
        for layer, a, delta in zip(layers, inputs, deltas, strict=True)
    ]


def update(layers: Sequence[Layer], of_layers: Sequence[Gradient], eta: float) -> list[Layer]:
    """The weight update w(t+1) = w(t) - η dC/dw: the layers at t+1. Those at t stay as they are."""
    return [
        Layer(W - eta * dW, None if b is None or db is None else b - eta * db, activation)
        for (W, b, activation), (dW, db) in zip(layers, of_layers, strict=True)
    ]


def gradient(layers: Sequence[Layer], images: Tensor, targets: Tensor, cost: CostName = "mse") -> list[Gradient]:
    """The gradient of the average cost of a mini-batch, by all of the above but the update.

    Args:
        layers: the net, first layer first.
        images: (B, n), the input neurons' activations.
        targets: (B, 10).
        cost: "mse", or "cross_entropy" for sigmoid outputs.
    """
    states = forward(layers, images)
    deltas = back_propagate(layers, states, output_error(layers, states, targets.T, cost))
    return gradients(layers, images, states, deltas, cost)
