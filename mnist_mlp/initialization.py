"""Initial weights and biases: the published schemes, by name."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

from torch import nn

InitName = Literal["glorot", "lecun", "lecun98", "simard", "ciresan", "nielsen", "nielsen_scaled", "torch"]


def initialize(layers: Iterable[nn.Linear], name: InitName) -> None:
    """Draw the weights W (out, in) and biases b (out,) of each layer, with torch's global random generator."""
    for layer in layers:
        INITIALIZERS[name](layer)


def _glorot(layer: nn.Linear) -> None:
    """W uniform in ±sqrt(6 / (in + out)), b = 0. Glorot and Bengio 2010, equation 16."""
    nn.init.xavier_uniform_(layer.weight)
    _zero_bias(layer)


def _lecun(layer: nn.Linear) -> None:
    """W normal with standard deviation 1 / sqrt(in), b = 0. LeCun et al. 1998, "Efficient BackProp", 4.6."""
    nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
    _zero_bias(layer)


def _lecun98(layer: nn.Linear) -> None:
    """W and b uniform in ±2.4 / in. LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition"."""
    _uniform(layer, 2.4 / layer.in_features)


def _simard(layer: nn.Linear) -> None:
    """W normal with standard deviation 0.05, b = 0. Simard, Steinkraus, Platt 2003, section 3."""
    nn.init.normal_(layer.weight, std=0.05)
    _zero_bias(layer)


def _ciresan(layer: nn.Linear) -> None:
    """W and b uniform in ±0.05. Ciresan, Meier, Gambardella, Schmidhuber 2010."""
    _uniform(layer, 0.05)


def _nielsen(layer: nn.Linear) -> None:
    """W and b normal with standard deviation 1. Nielsen, "Neural Networks and Deep Learning", chapter 1."""
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.normal_(layer.bias)


def _nielsen_scaled(layer: nn.Linear) -> None:
    """W normal with standard deviation 1 / sqrt(in), b normal with 1. Nielsen, chapter 3."""
    nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features))
    if layer.bias is not None:
        nn.init.normal_(layer.bias)


def _torch(layer: nn.Linear) -> None:
    """W and b uniform in ±1 / sqrt(in): the default of torch.nn.Linear."""
    layer.reset_parameters()


def _uniform(layer: nn.Linear, bound: float) -> None:
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -bound, bound)


def _zero_bias(layer: nn.Linear) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


INITIALIZERS: dict[InitName, Callable[[nn.Linear], None]] = {
    "glorot": _glorot,
    "lecun": _lecun,
    "lecun98": _lecun98,
    "simard": _simard,
    "ciresan": _ciresan,
    "nielsen": _nielsen,
    "nielsen_scaled": _nielsen_scaled,
    "torch": _torch,
}
