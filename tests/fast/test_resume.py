"""A resumed run continues at the next mini-batch and ends with the same weights, also with the other engine."""

from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.training.progress import Progress, Speed
from mnist_mlp.training.watchdogs import CollapseWatch, CostWatch
from tests.fast.runs import CONSTANT, ENGINES, Run, assert_same_weights, every_epoch, train

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("closed_form", "closed_form"),
        ("autograd", "autograd"),
        ("closed_form", "autograd"),
        ("autograd", "closed_form"),
    ],
)
def test_resumed_at_the_end_of_an_epoch(before: EngineName, after: EngineName, tmp_path: Path) -> None:
    """By the same engine: the same bits as without the stop. By the other: the same to rounding."""
    whole = train(before, **every_epoch(tmp_path))
    resumed = train(after, ckpt_path=tmp_path / "epoch=0.ckpt", log_every_n_steps=1)
    assert resumed.trainer.global_step == whole.trainer.global_step == 250
    assert list(resumed.logged["update/mini_batch_cost"]) == list(range(125, 250))
    rounding = {} if before == after else {"rtol": 1e-3, "atol": 1e-4}
    assert_same_weights(resumed.model, whole.model, **rounding)


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-true"])
def test_resumed_in_its_precision(precision: str, tmp_path: Path) -> None:
    """The weights of the checkpoint are not rounded to float32 on their way into the net."""
    whole = train("auto", **every_epoch(tmp_path), precision=precision)
    resumed = train("auto", ckpt_path=tmp_path / "epoch=0.ckpt", precision=precision)
    assert_same_weights(resumed.model, whole.model)


@pytest.mark.parametrize("after", ENGINES)
@pytest.mark.parametrize("before", ENGINES)
def test_resumed_within_an_epoch(before: EngineName, after: EngineName, tmp_path: Path) -> None:
    """After 40 of 125 mini-batches: the other 85 follow, and the epoch's average cost is over all of them."""
    keep_all = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=40, save_top_k=-1)
    train(before, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1, net=CONSTANT)
    resumed = train(after, ckpt_path=tmp_path / "step=40.ckpt", net=CONSTANT)
    assert_continues_as(train(after, net=CONSTANT), resumed, exactly=before == after)


@pytest.mark.parametrize("after", ENGINES)
def test_resumed_after_max_steps(after: EngineName, tmp_path: Path) -> None:
    """50 updates are two and a half blocks of 20: the rest of the third block comes first.

    The Trainer takes the epoch that is cut short for a complete one, so it logs that epoch's average cost in two parts.
    """
    stopped = train("closed_form", max_steps=50, net=CONSTANT)
    stopped.trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = train(after, ckpt_path=tmp_path / "stopped.ckpt", net=CONSTANT)
    assert_continues_as(train(after, net=CONSTANT), resumed, exactly=after == "closed_form", epochs=1)


def assert_continues_as(whole: Run, resumed: Run, exactly: bool, epochs: int = 2) -> None:
    """The runs end with the same weights, and with the same metrics in their last epochs."""
    assert resumed.trainer.global_step == whole.trainer.global_step == 250
    assert_same_weights(resumed.model, whole.model, **({} if exactly else {"rtol": 1e-3, "atol": 1e-4}))
    for name in ("train/cost", "train/accuracy", "val/cost"):
        values, expected = (list(run.logged[name].values())[-epochs:] for run in (resumed, whole))
        assert values == pytest.approx(expected, rel=1e-6 if exactly else 1e-3), name
    assert list(resumed.logged["train/cost"])[-1] == 249


@pytest.mark.parametrize("engine", ENGINES)
def test_the_projects_own_callbacks_work_after_resuming_within_an_epoch(engine: EngineName, tmp_path: Path) -> None:
    """Lightning does not call `on_train_epoch_start` for such an epoch."""
    watchers = [Speed(), CostWatch(), CollapseWatch(), Progress()]
    train(engine, max_steps=40, net=CONSTANT).trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    options: dict[str, Any] = {"callbacks": watchers, "enable_progress_bar": True}
    _, trainer, logged = train(engine, ckpt_path=tmp_path / "stopped.ckpt", net=CONSTANT, **options)
    assert trainer.global_step == 250
    assert list(logged["train/examples_per_second"])[-1] == 249


@pytest.mark.parametrize("engine", ENGINES)
def test_resumed_after_max_steps_in_the_last_epoch(engine: EngineName, tmp_path: Path) -> None:
    """The rest of the epoch is trained, although Lightning takes the last epoch for complete."""
    train(engine, max_steps=160, net=CONSTANT).trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed, whole = train(engine, ckpt_path=tmp_path / "stopped.ckpt", net=CONSTANT), train(engine, net=CONSTANT)
    assert resumed.trainer.global_step == whole.trainer.global_step == 250
    assert_same_weights(resumed.model, whole.model)


@pytest.mark.parametrize("engine", ENGINES)
def test_resumed_with_a_limit_on_mini_batches(engine: EngineName, tmp_path: Path) -> None:
    """An epoch that `limit_train_batches` ends is complete: the next one starts at its first mini-batch."""
    whole = train(engine, limit_train_batches=20, net=CONSTANT, **every_epoch(tmp_path))
    resumed = train(engine, limit_train_batches=20, net=CONSTANT, ckpt_path=tmp_path / "epoch=0.ckpt")
    assert resumed.trainer.global_step == whole.trainer.global_step == 40
    assert_same_weights(resumed.model, whole.model)


@pytest.mark.parametrize("engine", ENGINES)
def test_resumed_with_another_learning_rate(engine: EngineName, tmp_path: Path) -> None:
    """The settings of the resumed run count, not the rate in the checkpoint."""
    train(engine, net=CONSTANT, **every_epoch(tmp_path))
    settings = {**CONSTANT, "learning_rate": 2.0}
    resumed = train(engine, net=settings, ckpt_path=tmp_path / "epoch=0.ckpt", log_every_n_steps=1)
    assert set(resumed.logged["update/learning_rate"].values()) == {2.0}
