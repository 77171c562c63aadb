"""The two engines are one training: with the same seed they follow the same trajectory."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.fast.runs import ENGINES, LECUN98, assert_same_weights, train

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


@pytest.mark.parametrize(
    ("batch_size", "net"),
    [
        (16, {}),
        (48, {"activation": "tanh", "lr_schedule": "step", "lr_step_epochs": 0.5, "learning_rate": 3.0}),  # short last
        (48, {"hidden_sizes": [20, 12], "bias": False, "lr_schedule": "constant"}),
        (100, {"hidden_sizes": [], "activation": "identity"}),
        (100, LECUN98),
        (16, {"cost_function": "cross_entropy", "learning_rate": 1.0}),
    ],
)
def test_same_seed_same_trajectory(batch_size: int, net: dict[str, Any]) -> None:
    """Weights, logged costs, learning rates and their places on the axis, all to rounding in float64."""
    by = {engine: train(engine, batch_size, net, precision="64-true") for engine in ENGINES}
    (one, trainer, logged), (other, plain_trainer, plainly_logged) = by["closed_form"], by["autograd"]
    assert trainer.global_step == plain_trainer.global_step == 2 * -(-2000 // batch_size)
    assert trainer.num_training_batches < plain_trainer.num_training_batches  # it did work in blocks
    assert_same_weights(one, other, rtol=1e-6, atol=1e-9)
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost", "train/accuracy", "val/cost"):
        assert list(logged[name]) == list(plainly_logged[name]), name
        assert list(logged[name].values()) == pytest.approx(list(plainly_logged[name].values()), rel=1e-6), name


def test_in_float32_too_and_whatever_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many updates share a step of the Trainer changes no bit; against autograd, float32's rounding is left."""
    reference = train("closed_form").model
    for size in (16, 64, 4096):
        monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_BLOCK", size)
        assert_same_weights(train("closed_form").model, reference)
    assert_same_weights(train("autograd").model, reference, rtol=1e-3, atol=1e-4)
    other_seed = FastSigmoidMLP([12])
    assert not torch.equal(other_seed.linear_layers[0].weight, reference.linear_layers[0].weight)


def constant(t: int) -> float:
    return 8.0


def cosine(t: int) -> float:
    return 4.0 * (1 + math.cos(math.pi * (t - 10) / 30))


def step(t: int) -> float:
    return 8.0 * 0.5 ** ((t - 10) // 5)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("schedule", [constant, cosine, step])
def test_learning_rate_of_every_update(engine: EngineName, schedule: Callable[[int], float]) -> None:
    """Two epochs of 20 updates, the first ten of them warm-up, and the rates that each update is logged with."""
    net = {"lr_schedule": schedule.__name__, "lr_step_epochs": 0.25}
    _, _, logged = train(engine, 100, net, log_every_n_steps=1)
    expected = [8.0 * (t + 1) / 10 for t in range(10)] + [schedule(t) for t in range(10, 40)]
    assert list(logged["update/learning_rate"]) == list(range(40))
    assert list(logged["update/learning_rate"].values()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_learning_rate_at_the_end_of_an_epoch_is_that_of_its_last_update() -> None:
    for engine in ENGINES:
        _, _, logged = train(engine, 100, log_every_n_steps=1)
        for update, rate in logged["train/learning_rate"].items():
            assert rate == pytest.approx(logged["update/learning_rate"][update], rel=1e-5), engine


@pytest.mark.parametrize("engine", ENGINES)
def test_learning_rate_where_only_max_steps_ends_the_run(engine: EngineName) -> None:
    """Warm-up over half an epoch of 20 updates, then half a cosine over the 20 updates that are left of 30."""
    _, _, logged = train(engine, 100, log_every_n_steps=1, max_epochs=-1, max_steps=30)
    expected = [8.0 * (t + 1) / 10 for t in range(10)] + [4.0 * (1 + math.cos(math.pi * t / 20)) for t in range(20)]
    assert list(logged["update/learning_rate"].values()) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_bf16_mixed_keeps_float32_weights_and_stays_near() -> None:
    """With both engines; and what was computed in lower precision is seen to be so."""
    exact, _, by_float32 = train("closed_form", 100)
    costs = by_float32["train/cost"]
    for engine in ENGINES:
        low, _, logged = train(engine, 100, precision="bf16-mixed")
        for a, b in zip(exact.parameters(), low.parameters(), strict=True):
            assert b.dtype == torch.float32
            assert 0 < (a - b).norm() / a.norm() < 0.05
        assert logged["train/cost"][39] < logged["train/cost"][19]
        assert list(logged["train/cost"].values()) == pytest.approx(list(costs.values()), rel=0.01)


def test_log_every_n_updates_across_blocks() -> None:
    """n = 7 falls anywhere in blocks of 20; both engines log the same updates, counted from 0, over the epoch's end."""
    for engine in ENGINES:
        _, _, logged = train(engine, log_every_n_steps=7)
        assert list(logged["update/mini_batch_cost"]) == list(range(6, 250, 7))
        assert logged["epoch"][6] == 0
        assert logged["epoch"][244] == 1


def test_average_cost_counts_each_example_at_the_weights_it_met() -> None:
    """The epoch's average cost is the mean over examples, so that a short last mini-batch counts for what it holds."""
    _, _, logged = train("closed_form", 48, max_epochs=1, log_every_n_steps=1)
    costs = list(logged["update/mini_batch_cost"].values())
    sizes = [48] * 41 + [32]
    mean = sum(cost * size for cost, size in zip(costs, sizes, strict=True)) / 2000
    assert logged["train/cost"] == {41: pytest.approx(mean, rel=1e-6)}


def test_the_plain_net_is_the_same_as_autograd() -> None:
    """SigmoidMLP and FastSigmoidMLP with autograd: the same bits, metrics and places on the axis."""
    plain, fast = train("autograd", kind=SigmoidMLP), train("autograd")
    assert_same_weights(plain.model, fast.model)
    assert plain.logged == fast.logged
    assert plain.trainer.global_step == fast.trainer.global_step == 250
