"""A trained net taken apart into its layers, for those who look inside: the figures and the page to draw on."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_mlp.backprop import Layer
from mnist_mlp.model import ACTIVATIONS, SigmoidMLP


class State(NamedTuple):
    """A layer of m neurons in forward propagation: z = W a + b and a = σ(z), both (..., m)."""

    z: Tensor
    a: Tensor


def layers_of(net: SigmoidMLP, dtype: torch.dtype = torch.float32) -> list[Layer]:
    """A copy of the net's weights and biases, first hidden layer first, with the name of each layer's σ."""
    return copy_of(net.layers_and_sigmas, dtype)


def copy_of(layers: Sequence[Layer], dtype: torch.dtype | None = None) -> list[Layer]:
    """The same layers with tensors of their own, so that an update of these leaves those as they are."""

    def copied(tensor: Tensor) -> Tensor:
        return tensor.detach().to(dtype or tensor.dtype, copy=True)

    return [
        Layer(copied(layer.weight), None if layer.bias is None else copied(layer.bias), layer.activation)
        for layer in layers
    ]


def sigma(name: str, z: Tensor) -> Tensor:
    """The activation function of that name."""
    return ACTIVATIONS[name](z)  # type: ignore[index]


def propagate(layers: Sequence[Layer], a: Tensor) -> list[State]:
    """Forward propagation from the input neurons' activations, (..., n), layer by layer."""
    states = []
    for layer in layers:
        z = F.linear(a, layer.weight, layer.bias)
        a = sigma(layer.activation, z)
        states.append(State(z, a))
    return states
