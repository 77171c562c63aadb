"""Activations, saturated units and gradients of each layer, for given images."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.backprop import layers_of
from mnist_mlp.model import SigmoidMLP

# A unit is saturated for an image if σ′(z) is below this share of its maximum: back propagation then multiplies the
# error by almost zero. A sigmoid is saturated below 0.05 and above 0.95, a tanh beyond ±0.9.
SATURATED = 0.19


class LayerStatistics(NamedTuple):
    """One layer l = 1 ... L for B images.

    name: "layer 1, hidden", ..., "layer L, output".
    weights: W (m, n).
    biases: b (m,), or None.
    activations: a (B, m).
    saturated: the share of saturated units, 0 to 1, averaged over the images.
    weight_gradient: dC/dW (m, n), as back propagation computes it; None if the weights are frozen.
    bias_gradient: dC/db (m,); None if the biases are frozen or there are none.
    """

    name: str
    weights: Tensor
    biases: Tensor | None
    activations: Tensor
    saturated: float
    weight_gradient: Tensor | None
    bias_gradient: Tensor | None


def layer_statistics(net: SigmoidMLP, images: Tensor, labels: Tensor) -> list[LayerStatistics]:
    """Compute the statistics of each layer, from the first hidden layer to the output. The net does not change.

    Args:
        net: in evaluation mode if it has dropout or the like. Its own gradients (`.grad`) are not touched.
        images: (B, 784) the input neurons' activations.
        labels: (B,) the digits.
    """
    layers = net.linear_layers
    inputs: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for layer in layers]
    try:
        with torch.enable_grad():
            outputs = net(images.to(layers[0].weight.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(net.cost(outputs, labels).mean(), trained) if trained else ()
    gradient_of: dict[Tensor, Tensor] = dict(zip(trained, gradients, strict=True))
    functions = [layer.activation for layer in layers_of(net)]
    activations = [*inputs[1:], outputs]
    statistics = []
    for number, (layer, a, function) in enumerate(zip(layers, activations, functions, strict=True), start=1):
        statistics.append(
            LayerStatistics(
                name=f"layer {number}, {'output' if number == len(layers) else 'hidden'}",
                weights=layer.weight.detach(),
                biases=None if layer.bias is None else layer.bias.detach(),
                activations=a.detach(),
                saturated=saturated_share(a.detach(), function),
                weight_gradient=gradient_of.get(layer.weight),
                bias_gradient=None if layer.bias is None else gradient_of.get(layer.bias),
            )
        )
    return statistics


def saturated_share(activations: Tensor, function: ActivationName) -> float:
    """Return the share of saturated units (see `SATURATED`), 0 to 1; always 0 for the identity.

    Args:
        activations: a = σ(z), of any shape.
        function: the name of σ.
    """
    sigma, sigma_prime, *_ = ACTIVATIONS[function]
    maximum = sigma_prime(sigma(activations.new_zeros(1)))  # σ′ of each of these functions is largest at z = 0
    return float((sigma_prime(activations) < SATURATED * maximum).float().mean())


@contextmanager
def in_evaluation(net: nn.Module) -> Iterator[None]:
    """Put the net in evaluation mode, and afterwards each of its modules back in its own mode."""
    in_training = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in in_training:
            module.training = True
