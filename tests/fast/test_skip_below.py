"""Easy examples are left out of back propagation, and everything else goes on as if they were not."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
from torch import Tensor

from mnist_mlp.errors import InputError
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.fast.runs import assert_same_weights, every_epoch, train

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


SKIP_BELOW = 0.06


class PlainSkipping(SigmoidMLP):
    """The same by autograd: the costs of the other examples, divided by the size of the whole mini-batch."""

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        super().training_step(batch, batch_idx)  # counts and logs all examples
        images, labels = batch
        costs = self.cost(self(images), labels)
        return (costs * costs.detach().ge(SKIP_BELOW)).sum() / len(labels)


@pytest.mark.parametrize("batch_size", [16, 48])
def test_skipping_within_a_mini_batch_equals_a_sum_over_the_rest(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a choice for each mini-batch, fewer examples at a lower η and a sum over fewer examples are one update."""
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_CHOICE", batch_size)
    one, trainer, logged = train("closed_form", batch_size, {"skip_below": SKIP_BELOW}, precision="64-true")
    other, plain_trainer, plainly_logged = train("autograd", batch_size, kind=PlainSkipping, precision="64-true")
    assert trainer.global_step == plain_trainer.global_step == 2 * -(-2000 // batch_size)
    assert_same_weights(one, other, rtol=1e-6, atol=1e-9)
    all_of_them = train("closed_form", batch_size, precision="64-true").model
    assert not one.linear_layers[0].weight.allclose(all_of_them.linear_layers[0].weight, rtol=1e-3)  # some are skipped
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost", "train/accuracy", "val/cost"):
        assert list(logged[name]) == list(plainly_logged[name]), name
        assert list(logged[name].values()) == pytest.approx(list(plainly_logged[name].values()), rel=1e-6), name


@pytest.mark.parametrize("max_steps", [-1, 137])
def test_mini_batches_are_filled_from_the_remaining_examples(max_steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each example weighs as much as among all. The count of updates, η and the average cost cover all examples."""
    made: list[tuple[int, list[float]]] = []

    def seen(layers: Any, images: Tensor, targets: Tensor, rates: list[float], *rest: Any) -> Tensor:
        made.append((len(images), rates))
        return gradient_descent(layers, images, targets, rates, *rest)

    monkeypatch.setattr("mnist_mlp.fast.updates.gradient_descent", seen)
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_CHOICE", 320)
    net = {"skip_below": 0.05, "lr_schedule": "constant", "lr_warmup_epochs": 0.0}
    _, trainer, logged = train("closed_form", 16, net, max_steps=max_steps, log_every_n_steps=1)
    updates = 250 if max_steps < 0 else max_steps
    assert trainer.global_step == updates
    assert logged["update/learning_rate"] == dict.fromkeys(range(updates), 8.0)
    assert len(logged["update/mini_batch_cost"]) == updates
    assert 0.1 < sum(n for n, _ in made) / (16 * updates) < 0.9
    for n, rates in made:
        assert len(rates) == -(-n // 16)
        assert sum(rates) == pytest.approx(8.0 * n / 16)
        assert rates[:-1] == [8.0] * (len(rates) - 1)


def test_a_run_that_skips_examples_is_resumed_to_the_bit(tmp_path: Path) -> None:
    net = {"skip_below": 0.05}
    whole = train("closed_form", net=net, **every_epoch(tmp_path))
    resumed = train("closed_form", net=net, ckpt_path=tmp_path / "epoch=0.ckpt")
    assert_same_weights(resumed.model, whole.model)


def test_none_or_all_skipped() -> None:
    """A limit below every cost changes no bit; a limit above every cost leaves the net as it is."""
    assert_same_weights(train("closed_form", net={"skip_below": 1e-30}).model, train("closed_form").model)
    idle = train("closed_form", net={"skip_below": 1e9}, max_epochs=1)
    L.seed_everything(3, verbose=False)
    assert_same_weights(idle.model, FastSigmoidMLP([12]))
    assert idle.logged["train/cost"].keys() == {124}
    assert 0.1 < idle.logged["train/cost"][124] < 0.5


def test_skipping_without_the_closed_form_is_refused() -> None:
    """Asked for together with autograd, or where the closed form does not apply, in one sentence."""
    with pytest.raises(InputError, match=r"^skip_below needs the closed form; .*--model\.engine auto\.$"):
        FastSigmoidMLP([12], engine="autograd", skip_below=0.01)
    with pytest.raises(InputError, match=r"^skip_below needs the closed form, .* gradients are clipped; .*\.$"):
        train("auto", net={"skip_below": 0.01}, gradient_clip_val=1.0)
