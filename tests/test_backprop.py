"""backprop.py, the article's equations: by hand, by finite differences, by autograd, and as a whole training."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.backprop import (
    CostName,
    Gradient,
    Layer,
    back_propagate,
    forward,
    gradient,
    layers_of,
    output_error,
    update,
)
from mnist_mlp.model import SigmoidMLP


def average_cost(layers: list[Layer], images: Tensor, targets: Tensor, cost: CostName = "mse") -> Tensor:
    a = images
    for W, b, activation in layers:
        a = ACTIVATIONS[activation].sigma(a @ W.T + (0 if b is None else b))
    if cost == "cross_entropy":
        return torch.nn.functional.binary_cross_entropy(a, targets)
    return (a - targets).square().mean()


@st.composite
def nets(draw: st.DrawFn) -> tuple[list[Layer], Tensor, Tensor, CostName]:
    """A random net of one to four layers, a mini-batch for it, and a cost function that suits it."""
    torch.manual_seed(draw(st.integers(0, 10_000)))
    sizes = draw(st.lists(st.integers(1, 7), min_size=2, max_size=5))
    activations = [draw(st.sampled_from(sorted(ACTIVATIONS))) for _ in sizes[1:]]
    cost: CostName = draw(st.sampled_from(["mse", "cross_entropy"]))
    if cost == "cross_entropy":
        activations[-1] = "sigmoid"
    bias = draw(st.booleans())
    layers = [
        Layer(
            torch.randn(m, n, dtype=torch.float64) / (2 * n**0.5),
            torch.randn(m, dtype=torch.float64) if bias else None,
            activation,
        )
        for n, m, activation in zip(sizes, sizes[1:], activations, strict=False)
    ]
    examples = draw(st.integers(1, 6))
    images = torch.randn(examples, sizes[0], dtype=torch.float64)
    return layers, images, torch.rand(examples, sizes[-1], dtype=torch.float64), cost


def test_one_update_by_hand() -> None:
    """One neuron, w = 2, b = -1, x = 0.5: z = 0, a = 0.5.

    With y = 1: δ = (0.5 - 1) · 0.5 (1 - 0.5) = -0.125, dC/dw = 2 δ x = -0.125, dC/db = 2 δ = -0.25. With η = 4,
    w = 2.5 and b = 0.
    """
    layers = [Layer(torch.tensor([[2.0]]), torch.tensor([-1.0]), "sigmoid")]
    x, y = torch.tensor([[0.5]]), torch.tensor([[1.0]])
    states = forward(layers, x)
    assert (states[0].z.item(), states[0].a.item()) == (0.0, 0.5)
    assert output_error(layers, states, y).item() == -0.125
    of_layers = gradient(layers, x, y)
    assert of_layers == [Gradient(torch.tensor([[-0.125]]), torch.tensor([-0.25]))]
    ((W, b, _),) = update(layers, of_layers, eta=4.0)
    assert b is not None
    assert (W.item(), b.item()) == (2.5, 0.0)
    assert layers[0].weight.item() == 2.0  # the layers at t stay as they are


def test_the_error_goes_back_through_the_weights_by_hand() -> None:
    """Two layers of one neuron, the second one with W = 3: δ¹ = 3 δ² σ′(z¹), and σ′(0) = 1/4."""
    layers = [Layer(torch.zeros(1, 1), None, "sigmoid"), Layer(torch.tensor([[3.0]]), None, "identity")]
    states = forward(layers, torch.ones(1, 1))
    deltas = back_propagate(layers, states, torch.tensor([[0.2]]))
    assert [delta.item() for delta in deltas] == pytest.approx([3 * 0.2 / 4, 0.2])


@settings(max_examples=60, deadline=None)
@given(nets())
def test_the_gradient_is_that_of_autograd(case: tuple[list[Layer], Tensor, Tensor, CostName]) -> None:
    """To rounding in float64, for random nets, depths, activations and both costs, with and without biases."""
    layers, images, targets, cost = case
    found = gradient(layers, images, targets, cost)
    parameters = [p.requires_grad_() for layer in layers for p in layer[:2] if isinstance(p, Tensor)]
    wanted = torch.autograd.grad(average_cost(layers, images, targets, cost), parameters)
    flat = [part for of_layer in found for part in of_layer if part is not None]
    for one, other in zip(flat, wanted, strict=True):
        torch.testing.assert_close(one.detach(), other, rtol=1e-9, atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(nets(), st.integers(0, 10_000))
def test_the_gradient_is_the_slope_of_the_average_cost(
    case: tuple[list[Layer], Tensor, Tensor, CostName], place: int
) -> None:
    """By a finite difference in one weight: (C(w + h) - C(w - h)) / 2h."""
    layers, images, targets, cost = case
    which = place % len(layers)
    weight = layers[which].weight
    i, j = divmod(place % weight.numel(), weight.shape[1])
    slope = float(gradient(layers, images, targets, cost)[which].weight[i, j])
    w, h = float(weight[i, j]), 1e-5
    costs = []
    for value in (w + h, w - h):
        weight[i, j] = value
        costs.append(float(average_cost(layers, images, targets, cost)))
    assert slope == pytest.approx((costs[0] - costs[1]) / (2 * h), rel=1e-5, abs=1e-8)


def test_forward_propagation_is_that_of_the_net() -> None:
    torch.manual_seed(0)
    net = SigmoidMLP([12, 8], activation="tanh")
    images = torch.rand(5, 784)
    with torch.no_grad():
        torch.testing.assert_close(forward(layers_of(net), images)[-1].a.T, net(images))
