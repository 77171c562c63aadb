"""The article's equations, each against something that was worked out another way."""

import math
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET

pytestmark = pytest.mark.usefixtures("read_once")
net_shapes = st.lists(st.integers(1, 6), max_size=3)


def small_net(hidden_sizes: list[int], seed: int, **kwargs: Any) -> SigmoidMLP:
    torch.manual_seed(seed)
    return SigmoidMLP(hidden_sizes, init="nielsen_scaled", **kwargs).double()


def real_images(mnist: tuple[Examples, Examples], n: int) -> tuple[Tensor, Tensor]:
    return mnist[0].images[:n].flatten(1).double() / 255, mnist[0].labels[:n]


def test_cost_of_one_example_by_hand() -> None:
    """Target 3. Errors: 0.2 at the digit, 0.1 and 0.3 elsewhere: (0.04 + 0.01 + 0.09) / 10 = 0.014."""
    activations = torch.zeros(1, 10)
    activations[0, [3, 0, 7]] = torch.tensor([0.8, 0.1, 0.3])
    assert SigmoidMLP([]).cost(activations, torch.tensor([3])).tolist() == pytest.approx([0.014])


def test_cost_by_hand_of_known_answers() -> None:
    """All outputs 0.5: 10 · 0.25 / 10. All 0: 1 / 10, the plateau of a collapsed net. Perfect: 0. Opposite: 1."""
    labels = torch.tensor([7, 7, 7, 7])
    perfect = nn.functional.one_hot(labels[0], 10).float()
    activations = torch.stack([torch.full((10,), 0.5), torch.zeros(10), perfect, 1 - perfect])
    assert SigmoidMLP([]).cost(activations, labels).tolist() == pytest.approx([0.25, 0.1, 0.0, 1.0])


def test_one_neuron_by_hand() -> None:
    """z = W a + b, a = σ(z): with all weights 0.01, bias -1 and 100 pixels of ink, z = 0 and a = 0.5."""
    net = SigmoidMLP([])
    nn.init.constant_(net.linear_layers[0].weight, 0.01)
    nn.init.constant_(net.linear_layers[0].bias, -1)
    images = torch.zeros(2, 784)
    images[0, :100] = 1
    images[1, :100] = 4  # z = 3, σ(3) = 0.952574
    outputs = net(images)
    assert outputs[0].tolist() == pytest.approx([0.5] * 10)
    assert outputs[1].tolist() == pytest.approx([0.952574] * 10, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(hidden_sizes=net_shapes, seed=st.integers(0, 1000), activation=st.sampled_from(["sigmoid", "tanh", "identity"]))
def test_forward_takes_images_or_rows_and_gives_activations(
    hidden_sizes: list[int], seed: int, activation: str
) -> None:
    net = small_net(hidden_sizes, seed, activation=activation)
    images = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    outputs = net(images)
    assert outputs.shape == (3, 10)
    assert ((outputs > 0) & (outputs < 1)).all()
    assert torch.equal(outputs, net(images.view(3, 784)))


def test_hidden_layer_by_hand() -> None:
    """784-2-10, one pixel of ink: hidden z = (ln 3, 0), a = (0.75, 0.5); output z = 4 a₁ - 6 a₂ = 0, the 9's ln 4."""
    net = SigmoidMLP([2]).double()
    hidden, output = net.linear_layers
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    hidden.weight.data[0, 400] = math.log(3)
    output.weight.data[:] = torch.tensor([4.0, -6.0])
    output.bias.data[9] = math.log(4)
    image = torch.zeros(1, 784, dtype=torch.float64)
    image[0, 400] = 1
    assert net(image)[0].tolist() == pytest.approx([0.5] * 9 + [0.8], abs=1e-12)
    # Of a 9: nine errors of 0.5 and one of 0.2. Of a 0: nine of 0.5 and one of 0.8.
    assert net.cost(net(image), torch.tensor([9])).item() == pytest.approx((9 * 0.25 + 0.04) / 10)
    assert net.cost(net(image), torch.tensor([0])).item() == pytest.approx((9 * 0.25 + 0.64) / 10)


def test_average_cost_is_the_mean_over_examples_by_hand() -> None:
    """Costs 0.25, 0.1 and 0: on average 0.35 / 3, and that is what a training step returns."""
    labels = torch.tensor([7, 7, 7])
    outputs = torch.stack([torch.full((10,), 0.5), torch.zeros(10), nn.functional.one_hot(labels[0], 10).float()])

    class GivenOutputs(SigmoidMLP):
        def forward(self, images: Tensor) -> Tensor:
            return outputs

        def log(self, *args: Any, **kwargs: Any) -> None:
            pass

    net = GivenOutputs([])
    net._trainer = SimpleNamespace(optimizers=[torch.optim.SGD(net.parameters(), lr=1.0)])  # type: ignore[assignment]
    cost = net.training_step((torch.zeros(3, 784), labels), 0)
    assert isinstance(cost, Tensor)
    assert cost.item() == pytest.approx(0.35 / 3)


@settings(max_examples=20, deadline=None)
@given(hidden_sizes=st.lists(st.integers(1, 6), min_size=1, max_size=3), seed=st.integers(0, 1000), bias=st.booleans())
def test_without_a_nonlinearity_the_layers_are_one_matrix(hidden_sizes: list[int], seed: int, bias: bool) -> None:
    """The article's reason for a nonlinearity: identity layers multiply out, biases and all."""
    net = small_net(hidden_sizes, seed, activation="identity", bias=bias)
    matrix, offset = torch.eye(784, dtype=torch.float64), torch.zeros(784, dtype=torch.float64)
    for layer in net.linear_layers:
        matrix, offset = layer.weight @ matrix, layer.weight @ offset + (layer.bias if bias else 0)
    images = torch.rand(4, 784, dtype=torch.float64)
    torch.testing.assert_close(net(images), torch.sigmoid(images @ matrix.T + offset))


@settings(max_examples=10, deadline=None)
@given(hidden_sizes=net_shapes, seed=st.integers(0, 1000))
def test_without_biases_tanh_layers_leave_an_empty_image_undecided(hidden_sizes: list[int], seed: int) -> None:
    """The article's reason for a bias: without one, nothing can shift the sigmoid; σ(0) is all there is to say."""
    net = small_net(hidden_sizes, seed, activation="tanh", bias=False)
    assert torch.equal(net(torch.zeros(1, 784, dtype=torch.float64)), torch.full((1, 10), 0.5, dtype=torch.float64))
    assert all(layer.bias is None for layer in net.linear_layers)


def test_without_biases_sigmoid_layers_give_an_empty_image_one_fixed_answer() -> None:
    """All hidden activations are exactly σ(0) = 0.5, so that an output is σ of half the sum of its weights."""
    net = small_net([6], seed=0, bias=False)
    output = net.linear_layers[-1].weight
    expected = torch.sigmoid(output @ torch.full((6,), 0.5, dtype=torch.float64))
    assert torch.equal(net(torch.zeros(1, 784, dtype=torch.float64))[0], expected)
    assert torch.equal(small_net([], 0, bias=False)(torch.zeros(1, 784).double()), torch.full((1, 10), 0.5).double())


@settings(max_examples=8, deadline=None)
@given(hidden_sizes=net_shapes, seed=st.integers(0, 1000), activation=st.sampled_from(["sigmoid", "tanh", "identity"]))
def test_gradient_agrees_with_finite_differences(
    mnist: tuple[Examples, Examples], hidden_sizes: list[int], seed: int, activation: str
) -> None:
    """dC/dw that training uses, by autograd, is the slope of C(w), in float64, on real images."""
    net = small_net(hidden_sizes, seed, activation=activation)
    images, labels = real_images(mnist, 5)

    def average_cost() -> Tensor:
        return net.cost(net(images), labels).mean()

    average_cost().backward()
    h = 1e-5
    generator = torch.Generator().manual_seed(seed)
    for parameter in net.parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad
        assert gradient is not None
        for i in torch.randint(len(flat), (4,), generator=generator).tolist():
            w = flat[i].item()
            flat[i] = w + h
            above = average_cost().item()
            flat[i] = w - h
            below = average_cost().item()
            flat[i] = w
            assert gradient.view(-1)[i].item() == pytest.approx((above - below) / (2 * h), rel=1e-4, abs=1e-9)


def test_gradient_agrees_with_back_propagation_written_out(mnist: tuple[Examples, Examples]) -> None:
    """The article's sums over neurons, one example and one weight at a time, for the net 784-4-3-10."""
    net = small_net([4, 3], seed=1)
    images, labels = real_images(mnist, 3)
    net.cost(net(images), labels).mean().backward()

    layers = [(layer.weight.tolist(), layer.bias.tolist()) for layer in net.linear_layers]
    dW = [torch.zeros_like(layer.weight) for layer in net.linear_layers]
    db = [torch.zeros_like(layer.bias) for layer in net.linear_layers]
    for image, label in zip(images.tolist(), labels.tolist(), strict=True):
        activations = [image]
        for W, b in layers:
            z = [
                sum(w * a for w, a in zip(row, activations[-1], strict=True)) + b_j
                for row, b_j in zip(W, b, strict=True)
            ]
            activations.append([1 / (1 + torch.exp(torch.tensor(-z_j, dtype=torch.float64)).item()) for z_j in z])
        # dC/da of the output neurons, C the mean over 10 outputs and over the 3 examples
        dC_da = [2 * (a - (j == label)) / 10 / len(images) for j, a in enumerate(activations[-1])]
        for i in (2, 1, 0):
            W, _ = layers[i]
            delta = [dc * a * (1 - a) for dc, a in zip(dC_da, activations[i + 1], strict=True)]
            dW[i] += torch.outer(torch.tensor(delta), torch.tensor(activations[i])).double()
            db[i] += torch.tensor(delta).double()
            dC_da = [sum(W[j][k] * delta[j] for j in range(len(delta))) for k in range(len(activations[i]))]
    for layer, w, v in zip(net.linear_layers, dW, db, strict=True):
        torch.testing.assert_close(layer.weight.grad, w, rtol=1e-4, atol=1e-9)
        torch.testing.assert_close(layer.bias.grad, v, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_one_weight_update_of_the_trainer(engine: EngineName) -> None:
    """After one update by the real Trainer, w(t+1) = w(t) - η dC/dw."""
    torch.manual_seed(0)
    data = MNISTData(batch_size=64, val_size=0)
    net = FastSigmoidMLP([12], learning_rate=3.0, lr_schedule="constant", lr_warmup_epochs=0, engine=engine)
    data.setup()
    data.shuffle_seed = 5
    batch = next(iter(data.train_dataloader()))
    before = [p.detach().clone() for p in net.parameters()]
    gradients = torch.autograd.grad(net.cost(net(batch.images), batch.labels).mean(), list(net.parameters()))
    trainer = L.Trainer(max_steps=1, limit_val_batches=0, **QUIET)
    trainer.fit(net, datamodule=data)
    assert trainer.global_step == 1
    for after, w, gradient in zip(net.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(after.detach(), w - 3.0 * gradient)
        assert not torch.equal(after, w)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_full_batch_gradient_descent_lowers_the_average_cost(engine: EngineName) -> None:
    """At a small η every one of ten updates does, on 2,000 real images."""

    class Costs(L.Callback):
        counts_blocks = True

        def __init__(self) -> None:
            self.costs: list[float] = []

        def on_train_batch_end(
            self, trainer: L.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
        ) -> None:
            self.costs += outputs["loss"].reshape(-1).tolist()

    torch.manual_seed(0)
    watch = Costs()
    net = FastSigmoidMLP([16], learning_rate=0.5, lr_schedule="constant", lr_warmup_epochs=0, engine=engine)
    trainer = L.Trainer(max_epochs=10, callbacks=[watch], limit_val_batches=0, **QUIET)
    trainer.fit(net, datamodule=MNISTData(batch_size="full", val_size=58_000))
    assert len(watch.costs) == 10
    assert all(after < before for before, after in zip(watch.costs, watch.costs[1:], strict=False))
