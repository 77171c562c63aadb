"""A look inside the net: activations, saturated units and gradients, layer by layer, for given images."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.model import SigmoidMLP

# A unit is saturated by an image if σ'(z) is below this share of its maximum, so that hardly any of the error passes
# it on the way back. For the sigmoid that is an activation below 0.05 or above 0.95, for tanh one beyond ±0.9.
SATURATED = 0.19


class LayerStatistics(NamedTuple):
    """One layer l = 1 ... L, as B images meet it.

    name: "layer_1_hidden", ..., "layer_L_output".
    weights: W (m, n). biases: b (m,) or None.
    activations: a (B, m).
    saturated: the share of its units that are saturated, 0..1, the mean over the images.
    weight_gradient, bias_gradient: dC/dW and dC/db, as back propagation gives them; None for what is not trained.
    """

    name: str
    weights: Tensor
    biases: Tensor | None
    activations: Tensor
    saturated: float
    weight_gradient: Tensor | None
    bias_gradient: Tensor | None


def layer_statistics(net: SigmoidMLP, images: Tensor, labels: Tensor) -> list[LayerStatistics]:
    """What these images do in the net, from the first hidden layer to the output. The net is left as it was.

    Args:
        net: in evaluation mode, if it has dropout or the like. Its own gradients (`.grad`) are not touched.
        images: (B, 784), the input neurons' activations.
        labels: (B,), the digits.
    """
    layers = net.linear_layers
    inputs: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0])) for layer in layers]
    try:
        with torch.enable_grad():
            outputs = net(images.to(layers[0].weight.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    trained = [parameter for parameter in net.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(net.cost(outputs, labels).mean(), trained) if trained else ()
    gradient_of: dict[Tensor, Tensor] = dict(zip(trained, gradients, strict=True))
    functions = [net.hparams["activation"]] * (len(layers) - 1) + [net.hparams["output_activation"]]
    at_work = []
    for number, (layer, a, function) in enumerate(zip(layers, [*inputs[1:], outputs], functions, strict=True), start=1):
        at_work.append(
            LayerStatistics(
                name=f"layer_{number}_{'output' if number == len(layers) else 'hidden'}",
                weights=layer.weight.detach(),
                biases=None if layer.bias is None else layer.bias.detach(),
                activations=a.detach(),
                saturated=saturated_share(a.detach(), function),
                weight_gradient=gradient_of.get(layer.weight),
                bias_gradient=None if layer.bias is None else gradient_of.get(layer.bias),
            )
        )
    return at_work


def saturated_share(activations: Tensor, function: ActivationName) -> float:
    """The share of saturated units, see `SATURATED`; of the identity none ever is.

    Args:
        activations: of any shape.
        function: σ's name.
    """
    sigma, sigma_prime, *_ = ACTIVATIONS[function]
    steepest = sigma_prime(sigma(activations.new_zeros(1)))  # each of these functions is steepest at z = 0
    return float((sigma_prime(activations) < SATURATED * steepest).float().mean())


@contextmanager
def in_evaluation(net: nn.Module) -> Iterator[None]:
    """The net in evaluation mode for a while; after it, each of its modules is in the mode that it was in."""
    trained = [module for module in net.modules() if module.training]
    net.eval()
    try:
        yield
    finally:
        for module in trained:
            module.training = True
