"""The tuned kernels make the same weight updates as autograd and as backprop.py."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnist_mlp.activations import ActivationName
from mnist_mlp.backprop import CostName, Layer, gradient, update
from mnist_mlp.fast.kernels import gradient_descent

FUNCTIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled_tanh": lambda z: 1.7159 * torch.tanh(2 * z / 3),
    "identity": lambda z: z,
}


def random_net(sizes: list[int], names: list[ActivationName], bias: bool) -> list[Layer]:
    """Weights small enough that layers without a nonlinearity do not run away, which would magnify rounding."""
    return [
        Layer(
            torch.randn(m, n, dtype=torch.float64) / (2 * n**0.5),
            torch.randn(m, dtype=torch.float64) if bias else None,
            name,
        )
        for n, m, name in zip(sizes, sizes[1:], names, strict=False)
    ]


def mean_squared_error(a: Tensor, y: Tensor) -> Tensor:
    return (a - y).square().mean()


COSTS: dict[CostName, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mean_squared_error,
    "cross_entropy": F.binary_cross_entropy,
}


def by_autograd(
    layers: list[Layer],
    images: Tensor,
    targets: Tensor,
    rates: list[float],
    B: int,
    cost: Callable[[Tensor, Tensor], Tensor] = mean_squared_error,
) -> Tensor:
    """The same in the plain way: changes `layers` in place, returns the outputs at the weights each example met."""
    outputs = []
    for x, y, eta in zip(images.split(B), targets.split(B), rates, strict=True):
        parameters = [p.requires_grad_() for layer in layers for p in layer[:2] if p is not None]
        a = x
        for W, b, name in layers:
            a = FUNCTIONS[name](a @ W.T + (0 if b is None else b))
        outputs.append(a.detach())
        for p, of_p in zip(parameters, torch.autograd.grad(cost(a, y), parameters), strict=True):
            p.requires_grad_(False)
            p -= eta * of_p
    return torch.cat(outputs)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_autograd_and_backprop(data: st.DataObject) -> None:
    """To rounding in float64: random nets, depths, activations, costs, batch sizes, a short last batch, no biases."""
    torch.manual_seed(data.draw(st.integers(0, 10_000), "seed"))
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=6), "sizes")
    names: list[ActivationName] = [data.draw(st.sampled_from(sorted(FUNCTIONS))) for _ in sizes[:-1]]
    cost = data.draw(st.sampled_from(sorted(COSTS)), "cost")
    if cost == "cross_entropy":
        names[-1] = "sigmoid"
    layers = random_net(sizes, names, data.draw(st.booleans(), "bias"))
    B = data.draw(st.integers(1, 7), "batch size")
    n = data.draw(st.integers(1, 20), "examples")
    rates = data.draw(st.lists(st.floats(0.01, 0.5), min_size=-(-n // B), max_size=-(-n // B)), "learning rates")
    images = torch.randn(n, sizes[0], dtype=torch.float64)
    targets = torch.rand(n, sizes[-1], dtype=torch.float64)

    expected_layers = copy.deepcopy(layers)
    by_the_equations = copy.deepcopy(layers)
    for x, y, eta in zip(images.split(B), targets.split(B), rates, strict=True):
        by_the_equations = update(by_the_equations, gradient(by_the_equations, x, y, cost), eta)
    expected = by_autograd(expected_layers, images, targets, rates, B, COSTS[cost])
    outputs = gradient_descent(layers, images, targets, rates, B, cost=cost)

    torch.testing.assert_close(outputs, expected, rtol=1e-9, atol=1e-11)
    for all_wanted in (expected_layers, by_the_equations):
        for layer, wanted in zip(layers, all_wanted, strict=True):
            torch.testing.assert_close(layer.weight, wanted.weight, rtol=1e-9, atol=1e-11)
            if wanted.bias is not None:
                torch.testing.assert_close(layer.bias, wanted.bias, rtol=1e-9, atol=1e-11)


def test_blocks_may_be_cut_anywhere() -> None:
    """One call over six mini-batches is two calls over three, bit for bit."""
    torch.manual_seed(0)
    whole = random_net([8, 5, 3], ["tanh", "sigmoid"], bias=True)
    parts = copy.deepcopy(whole)
    images, targets = torch.randn(24, 8, dtype=torch.float64), torch.rand(24, 3, dtype=torch.float64)
    once = gradient_descent(whole, images, targets, [0.1] * 6, 4)
    twice = [gradient_descent(parts, images[i : i + 12], targets[i : i + 12], [0.1] * 3, 4) for i in (0, 12)]
    assert torch.equal(once, torch.cat(twice))
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(whole, parts, strict=True))


def test_bfloat16_products_keep_float32_weights() -> None:
    """Lower precision of the products stays near the float32 result, and small updates are not lost in rounding."""
    torch.manual_seed(0)
    exact = [
        Layer(torch.randn(32, 50) / 7, torch.zeros(32), "sigmoid"),
        Layer(torch.randn(10, 32) / 6, None, "sigmoid"),
    ]
    low = copy.deepcopy(exact)
    images, targets = torch.randn(640, 50), torch.rand(640, 10)
    gradient_descent(exact, images, targets, [0.5] * 20, 32)
    outputs = gradient_descent(low, images, targets, [0.5] * 20, 32, dtype=torch.bfloat16)
    assert outputs.dtype == torch.bfloat16
    for a, b in zip(exact, low, strict=True):
        assert b.weight.dtype == torch.float32
        assert 0 < (a.weight - b.weight).norm() / a.weight.norm() < 0.01
    start = torch.randn(1, 1)
    tiny = [Layer(start.clone(), None, "identity")]
    gradient_descent(tiny, torch.ones(64, 1), torch.zeros(64, 1), [1e-4] * 64, 1, dtype=torch.bfloat16)
    assert tiny[0].weight.item() == pytest.approx(start.item() * (1 - 2e-4) ** 64, rel=2e-4)


def test_one_update_by_hand() -> None:
    """One neuron, w = 2, b = -1, x = 0.5: z = 0, a = 0.5.

    With y = 1: δ = (0.5 - 1) · 0.5 (1 - 0.5) = -0.125, dC/dw = 2 δ x = -0.125, dC/db = 2 δ = -0.25; η = 4.
    """
    layer = Layer(torch.tensor([[2.0]]), torch.tensor([-1.0]), "sigmoid")
    output = gradient_descent([layer], torch.tensor([[0.5]]), torch.tensor([[1.0]]), [4.0], 1)
    assert output.tolist() == [[0.5]]  # before the update
    assert layer.weight.tolist() == [[2.5]]
    assert layer.bias is not None
    assert layer.bias.tolist() == [0.0]


def test_only_the_weights_change() -> None:
    """Images and targets stay as they are, even where no conversion has made a copy of them."""
    torch.manual_seed(0)
    images, targets = torch.randn(10, 6, dtype=torch.float64), torch.rand(10, 3, dtype=torch.float64)
    kept = images.clone(), targets.clone()
    layers = random_net([6, 4, 3], ["identity", "sigmoid"], bias=True)
    before = copy.deepcopy(layers)
    gradient_descent(layers, images, targets, [0.3] * 3, 4)
    assert torch.equal(images, kept[0])
    assert torch.equal(targets, kept[1])
    assert not any(torch.equal(a.weight, b.weight) for a, b in zip(layers, before, strict=True))


def test_a_learning_rate_of_zero_leaves_the_weights() -> None:
    """Exactly; and the outputs are then those of the net, for the short last mini-batch, too."""
    torch.manual_seed(0)
    layers = random_net([6, 4, 3], ["tanh", "sigmoid"], bias=True)
    before = copy.deepcopy(layers)
    images = torch.randn(11, 6, dtype=torch.float64)
    outputs = gradient_descent(layers, images, torch.rand(11, 3, dtype=torch.float64), [0.0] * 3, 4)
    for layer, kept in zip(layers, before, strict=True):
        assert torch.equal(layer.weight, kept.weight)
        assert layer.bias is not None
        assert kept.bias is not None
        assert torch.equal(layer.bias, kept.bias)
    (W1, b1, _), (W2, b2, _) = layers
    assert b1 is not None
    assert b2 is not None
    expected = torch.sigmoid(torch.tanh(images @ W1.T + b1) @ W2.T + b2)
    torch.testing.assert_close(outputs, expected, rtol=1e-12, atol=1e-14)


def test_dtype_of_the_weights_is_the_default() -> None:
    """To name it changes no bit; images of another layout or type are taken as the weights' type."""
    torch.manual_seed(0)
    nets = [random_net([6, 4, 3], ["sigmoid", "sigmoid"], bias=True)]
    nets += [copy.deepcopy(nets[0]) for _ in range(2)]
    images, targets = torch.randn(6, 8).T, torch.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]  # not contiguous; float32
    rates = [0.2] * 2
    outputs = [
        gradient_descent(nets[0], images.double().contiguous(), targets.double(), rates, 4),
        gradient_descent(nets[1], images.double().contiguous(), targets.double(), rates, 4, dtype=torch.float64),
        gradient_descent(nets[2], images, targets.long(), rates, 4),
    ]
    assert torch.equal(outputs[0], outputs[1])
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(nets[0], nets[1], strict=True))
    torch.testing.assert_close(outputs[2], outputs[0], rtol=1e-12, atol=1e-14)
    for a, b in zip(nets[0], nets[2], strict=True):
        torch.testing.assert_close(a.weight, b.weight, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("examples", "rates"), [(8, 1), (8, 3), (10, 4)])
def test_a_wrong_number_of_learning_rates_is_refused(examples: int, rates: int) -> None:
    """One for each mini-batch, of 4 here; never some mini-batches silently left out."""
    layers = random_net([6, 3], ["sigmoid"], bias=True)
    images, targets = torch.zeros(examples, 6).double(), torch.zeros(examples, 3).double()
    with pytest.raises((ValueError, RuntimeError)):
        gradient_descent(layers, images, targets, [0.1] * rates, 4)


def test_a_short_last_mini_batch_without_a_learning_rate_is_refused() -> None:
    layers = random_net([6, 3], ["sigmoid"], bias=True)
    with pytest.raises(ValueError, match="learning rate"):
        gradient_descent(layers, torch.zeros(10, 6).double(), torch.zeros(10, 3).double(), [0.1] * 2, 4)
