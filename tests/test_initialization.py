"""Initial weights and biases: each scheme against its published formula."""

import math
from typing import get_args

import pytest
import torch
from torch import nn

from mnist_mlp.initialization import INITIALIZERS, InitName, initialize
from mnist_mlp.model import SigmoidMLP


@pytest.mark.parametrize(
    ("name", "weight_std", "bias_std"),
    [
        ("glorot", math.sqrt(2 / (784 + 300)), 0.0),  # uniform in ±sqrt(6/(n+m)) has the variance 2/(n+m)
        ("lecun", 1 / 28, 0.0),
        ("lecun98", 2.4 / 784 / math.sqrt(3), 2.4 / 784 / math.sqrt(3)),
        ("simard", 0.05, 0.0),
        ("ciresan", 0.05 / math.sqrt(3), 0.05 / math.sqrt(3)),
        ("nielsen", 1.0, 1.0),
        ("nielsen_scaled", 1 / 28, 1.0),
        ("torch", 1 / 28 / math.sqrt(3), 1 / 28 / math.sqrt(3)),  # uniform in ±1/28
    ],
)
def test_initial_weights_have_the_published_spread(name: InitName, weight_std: float, bias_std: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(784, 300)
    initialize([layer], name)
    assert layer.weight.std().item() == pytest.approx(weight_std, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=0.01 * weight_std)
    assert layer.bias.std().item() == pytest.approx(bias_std, rel=0.15)
    if name in ("glorot", "torch"):
        bound = math.sqrt(6 / (784 + 300)) if name == "glorot" else 1 / 28
        assert layer.weight.abs().max().item() <= bound
    without = nn.Linear(784, 300, bias=False)
    initialize([without], name)
    assert without.bias is None


@pytest.mark.parametrize(
    ("name", "bound"),
    [("glorot", math.sqrt(6 / (784 + 300))), ("lecun98", 2.4 / 784), ("ciresan", 0.05), ("torch", 1 / 28)],
)
def test_uniform_weights_fill_their_range(name: InitName, bound: float) -> None:
    """Both ends of the range are reached and not exceeded; half of the weights lie in its inner half."""
    torch.manual_seed(0)
    layer = nn.Linear(784, 300)
    initialize([layer], name)
    weight = layer.weight.detach()
    assert 0.999 * bound < weight.max().item() <= bound
    assert -bound <= weight.min().item() < -0.999 * bound
    assert (weight.abs() < bound / 2).double().mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["lecun", "simard", "nielsen", "nielsen_scaled"])
def test_normal_weights_are_normal(name: InitName) -> None:
    """68.3% within one standard deviation, 95.4% within two."""
    torch.manual_seed(0)
    layer = nn.Linear(784, 300)
    initialize([layer], name)
    std = {"nielsen": 1.0, "simard": 0.05}.get(name, 1 / 28)
    for deviations, share in ((1, 0.6827), (2, 0.9545)):
        assert (layer.weight.abs() < deviations * std).double().mean().item() == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize("name", get_args(InitName))
def test_a_net_uses_the_scheme_it_names(name: InitName) -> None:
    """In every layer, with the width of that layer. The same seed draws the same net."""
    nets = []
    for _ in range(2):
        torch.manual_seed(5)
        nets.append(SigmoidMLP([400, 100], init=name))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
    for layer in nets[0].linear_layers[:2]:
        n, m = layer.in_features, layer.out_features
        std = {
            "glorot": math.sqrt(2 / (n + m)),
            "lecun": n**-0.5,
            "lecun98": 2.4 / n / 3**0.5,
            "simard": 0.05,
            "ciresan": 0.05 / 3**0.5,
            "nielsen": 1.0,
            "nielsen_scaled": n**-0.5,
            "torch": (3 * n) ** -0.5,
        }[name]
        assert layer.weight.std().item() == pytest.approx(std, rel=0.02)


def test_every_named_scheme_exists() -> None:
    assert set(INITIALIZERS) == set(get_args(InitName))
