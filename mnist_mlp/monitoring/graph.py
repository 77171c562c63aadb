"""The net as named modules, for TensorBoard's GRAPHS tab."""

from collections.abc import Callable
from typing import TypeGuard

import torch
from torch import Tensor, nn

from mnist_mlp.model import SigmoidMLP

# TensorBoard shows the names of these classes, of their modules and of `images`: Net/Layer[hidden_1]/Sigmoid[a].


class Net(nn.Sequential):
    """The layers."""

    def forward(self, images: Tensor) -> Tensor:
        output: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return output


class Layer(nn.Sequential):
    """The weighted sum z = W a + b and the activation a = σ(z)."""


class Activation(nn.Module):
    """An activation function that has no module in torch.nn."""

    def __init__(self, sigma: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.sigma = sigma

    def forward(self, z: Tensor) -> Tensor:
        return self.sigma(z)


def has_named_layers(net: nn.Module) -> TypeGuard[SigmoidMLP]:
    """Whether the forward propagation is that of SigmoidMLP, which `named_layers` shows."""
    return isinstance(net, SigmoidMLP) and getattr(net.forward, "__func__", None) is SigmoidMLP.forward


def named_layers(net: SigmoidMLP) -> Net:
    """Return the layers "input", "hidden_1", "hidden_2", ..., "output". They share the weights of `net`."""
    named = Net()
    named.add_module("input", nn.Flatten())
    *hidden_layers, output = net.layers
    for number, layer in enumerate(hidden_layers, start=1):
        named.add_module(f"hidden_{number}", _named_layer(layer, net.activation))
    named.add_module("output", _named_layer(output, net.output_activation))
    named.training = net.training  # SummaryWriter traces in evaluation mode, then returns to this one
    return named


def _named_layer(layer: nn.Module, sigma: Callable[[Tensor], Tensor]) -> Layer:
    named = Layer()
    named.add_module("z", layer)
    if sigma is torch.sigmoid:
        named.add_module("a", nn.Sigmoid())
    elif sigma is torch.tanh:
        named.add_module("a", nn.Tanh())
    else:
        named.add_module("a", Activation(sigma))
    return named
