"""The activation functions: every σ and σ′ of the project, in one table."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

ActivationName = Literal["sigmoid", "tanh", "scaled_tanh", "identity"]

# LeCun et al. 1998, appendix A: σ(z) = A tanh(S z), so that σ(1) = 1 and σ(-1) = -1.
SCALED_TANH_A, SCALED_TANH_S = 1.7159, 2 / 3


class Activation(NamedTuple):
    """An activation function a = σ(z) and its derivative. All functions work elementwise on tensors of any shape.

    sigma: z -> σ(z).
    sigma_prime: a -> σ′(z). For these functions the derivative follows from a = σ(z) alone.
    sigma_: σ(z) written over z, for fast/kernels.py.
    times_sigma_prime_: (d, a) -> d σ′(z) written over d, for fast/kernels.py.
    """

    sigma: Callable[[Tensor], Tensor]
    sigma_prime: Callable[[Tensor], Tensor]
    sigma_: Callable[[Tensor], Tensor]
    times_sigma_prime_: Callable[[Tensor, Tensor], Tensor]


def _sigmoid_prime(a: Tensor) -> Tensor:
    return a * (1 - a)


def _tanh_prime(a: Tensor) -> Tensor:
    return 1 - a.square()


def _scaled_tanh(z: Tensor) -> Tensor:
    return SCALED_TANH_A * torch.tanh(SCALED_TANH_S * z)


def _scaled_tanh_prime(a: Tensor) -> Tensor:
    return (SCALED_TANH_A**2 - a.square()) * (SCALED_TANH_S / SCALED_TANH_A)


def _identity(z: Tensor) -> Tensor:
    return z


# The in-place forms call the kernels that autograd calls: one pass over the numbers, no temporary tensor. The kernels
# are looked up here, once: a small net calls them 12,000 times in an epoch.
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
_tanh_backward = torch.ops.aten.tanh_backward.grad_input


def _times_sigmoid_prime_(d: Tensor, a: Tensor) -> Tensor:
    _sigmoid_backward(d, a, grad_input=d)
    return d


def _times_tanh_prime_(d: Tensor, a: Tensor) -> Tensor:
    _tanh_backward(d, a, grad_input=d)
    return d


def _scaled_tanh_(z: Tensor) -> Tensor:
    return z.mul_(SCALED_TANH_S).tanh_().mul_(SCALED_TANH_A)


def _times_scaled_tanh_prime_(d: Tensor, a: Tensor) -> Tensor:
    return d.mul_(_scaled_tanh_prime(a))


def _unchanged(d: Tensor, a: Tensor) -> Tensor:
    return d


ACTIVATIONS: dict[ActivationName, Activation] = {
    "sigmoid": Activation(torch.sigmoid, _sigmoid_prime, torch.sigmoid_, _times_sigmoid_prime_),
    "tanh": Activation(torch.tanh, _tanh_prime, torch.tanh_, _times_tanh_prime_),
    "scaled_tanh": Activation(_scaled_tanh, _scaled_tanh_prime, _scaled_tanh_, _times_scaled_tanh_prime_),
    # Without a nonlinearity, all layers together are one matrix.
    "identity": Activation(_identity, torch.ones_like, _identity, _unchanged),
}
