"""The one table of σ and σ′: each function against published values and autograd, each in-place form against it."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_mlp.activations import ACTIVATIONS, ActivationName

names = st.sampled_from(sorted(ACTIVATIONS))
numbers = st.lists(st.floats(-12, 12), min_size=1, max_size=20)


def test_known_values() -> None:
    """σ(0) = 1/2 and σ(ln 3) = 3/4; tanh(ln 3) = 4/5; LeCun's scaled tanh gives ±1 at ±1; the identity gives z."""
    z = torch.tensor([0.0, math.log(3), 1.0, -1.0], dtype=torch.float64)
    assert ACTIVATIONS["sigmoid"].sigma(z)[:2].tolist() == pytest.approx([0.5, 0.75])
    assert ACTIVATIONS["tanh"].sigma(z)[:2].tolist() == pytest.approx([0.0, 0.8])
    assert ACTIVATIONS["scaled_tanh"].sigma(z)[2:].tolist() == pytest.approx([1.0, -1.0], abs=1e-4)
    assert torch.equal(ACTIVATIONS["identity"].sigma(z), z)


def test_the_sigmoid_is_steepest_at_zero_with_a_slope_of_a_quarter() -> None:
    assert ACTIVATIONS["sigmoid"].sigma_prime(torch.tensor([0.5])).tolist() == [0.25]


@settings(deadline=None)
@given(names, numbers)
def test_sigma_prime_is_the_derivative(name: ActivationName, values: list[float]) -> None:
    """By autograd."""
    z = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    a = ACTIVATIONS[name].sigma(z)
    (derivative,) = torch.autograd.grad(a.sum(), z)
    torch.testing.assert_close(ACTIVATIONS[name].sigma_prime(a.detach()), derivative, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(names, numbers)
def test_the_in_place_forms_give_the_same(name: ActivationName, values: list[float]) -> None:
    """To rounding in float64."""
    sigma, sigma_prime, sigma_, times_sigma_prime_ = ACTIVATIONS[name]
    z = torch.tensor(values, dtype=torch.float64)
    a, d = sigma(z), torch.linspace(-2, 3, len(values), dtype=torch.float64)
    in_place = z.clone()
    assert sigma_(in_place) is in_place
    torch.testing.assert_close(in_place, a, rtol=1e-12, atol=1e-15)
    product = d * sigma_prime(a)
    assert times_sigma_prime_(d, a) is d
    torch.testing.assert_close(d, product, rtol=1e-12, atol=1e-15)
