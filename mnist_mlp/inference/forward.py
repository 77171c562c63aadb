"""Forward propagation layer by layer, for the figures and the demo page."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mnist_mlp.backprop import Layer, State, forward, layers_of
from mnist_mlp.model import SigmoidMLP


def copied_layers(net: SigmoidMLP, dtype: torch.dtype = torch.float32) -> list[Layer]:
    """Copy the net's weights and biases, layer by layer, the first hidden layer first."""

    def copied(tensor: Tensor) -> Tensor:
        return tensor.detach().to(dtype, copy=True)

    return [
        Layer(copied(layer.weight), None if layer.bias is None else copied(layer.bias), layer.activation)
        for layer in layers_of(net)
    ]


def propagate(layers: Sequence[Layer], a: Tensor) -> list[State]:
    """Compute z and a of each layer, with examples as rows: inputs (..., n) -> z and a (..., m)."""
    states = forward(layers, a.reshape(-1, a.shape[-1]))
    return [State(*(values.T.reshape(*a.shape[:-1], -1) for values in state)) for state in states]
