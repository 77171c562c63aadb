"""The Trainer, its limits and its callbacks see every weight update of a block."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.training.progress import Speed
from mnist_mlp.training.watchdogs import CollapseWatch, CostWatch
from tests.fast.runs import ENGINES, train

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


@pytest.mark.parametrize("engine", ENGINES)
def test_max_steps_counts_weight_updates(engine: EngineName) -> None:
    """Also where it falls within a block."""
    _, trainer, logged = train(engine, max_steps=137, max_epochs=-1, log_every_n_steps=1)
    assert trainer.global_step == 137
    assert list(logged["update/mini_batch_cost"]) == list(range(137))


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_the_trainer_count_weight_updates(engine: EngineName) -> None:
    """`limit_train_batches` as a number and as a share, `overfit_batches`, and `fast_dev_run`."""
    for limit, updates in (
        ({"limit_train_batches": 20}, 40),
        ({"limit_train_batches": 0.2}, 50),
        ({"overfit_batches": 3}, 6),
        ({"fast_dev_run": 5}, 5),
    ):
        assert train(engine, **limit).trainer.global_step == updates, limit


@pytest.mark.parametrize("engine", ENGINES)
def test_limits_of_one_batch_count_one_update(engine: EngineName) -> None:
    """The number 1, unlike the share 1.0: one mini-batch an epoch; a validation after each mini-batch."""

    class Validations(L.Callback):
        counts_blocks = True

        def __init__(self) -> None:
            self.at: list[int] = []

        def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            self.at.append(trainer.global_step)

    watch = Validations()
    train(engine, 500, max_epochs=1, val_check_interval=1, callbacks=[watch])
    assert watch.at == [1, 2, 3, 4]
    assert train(engine, limit_train_batches=1).trainer.global_step == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_validation_within_an_epoch_comes_after_the_right_updates(engine: EngineName) -> None:
    """A quarter of 125 mini-batches is 31."""
    _, _, logged = train(engine, max_epochs=1, val_check_interval=0.25)
    assert list(logged["val/cost"]) == [30, 61, 92, 123]


@pytest.mark.parametrize("engine", ENGINES)
def test_checkpoint_every_so_many_updates(engine: EngineName, tmp_path: Path) -> None:
    keep_all = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=40, save_top_k=-1)
    train(engine, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step=120.ckpt", "step=40.ckpt", "step=80.ckpt"]
    partial = train(engine, max_steps=40, net={"lr_schedule": "constant"}).model.state_dict()
    train(engine, callbacks=[keep_all], enable_checkpointing=True, max_epochs=1, net={"lr_schedule": "constant"})
    # Lightning adds a version, because the first run's files exist.
    checkpoint = torch.load(tmp_path / "step=40-v1.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 40
    for name, value in checkpoint["state_dict"].items():
        assert torch.equal(value, partial[name]), name


def test_a_callback_that_looks_at_batches_sees_every_update() -> None:
    """A callback that declares `counts_blocks` as False only looks, at every single weight update."""

    class Looks(L.Callback):
        counts_blocks = False
        steps: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
            self.steps.append(trainer.global_step)

    train("closed_form", callbacks=[Looks()], max_epochs=1)
    assert Looks.steps == list(range(1, 126))


def test_the_projects_own_callbacks_take_blocks() -> None:
    """Six blocks of 20 mini-batches and one of 5; the callbacks count the updates and examples in them."""

    class Counts(L.Callback):
        counts_blocks = True
        steps: list[int] = []  # noqa: RUF012

        def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
            self.steps.append(trainer.global_step)

    watchers = [Speed(), CostWatch(), CollapseWatch(), Counts()]
    _, trainer, logged = train("closed_form", callbacks=watchers, max_epochs=1)
    assert Counts.steps == [20, 40, 60, 80, 100, 120, 125]
    assert trainer.num_training_batches == 7
    assert logged["train/examples_per_second"][124] > 0
