"""Callbacks that derive from Lightning's, and the effects that callbacks have by their documentation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.fabric.utilities.spike import TrainingSpikeException
from lightning.pytorch import callbacks

from tests.command import QUIET
from tests.trainer.case import Ran
from tests.trainer.runs import BATCH_SIZE, BATCHES, EPOCHS, LEARNING_RATE, initial_weights, weights

IN_FLOAT64 = {**QUIET, "precision": "64-true", "enable_checkpointing": True}
BACKBONE = 784 * 8 + 8  # the parameters of the first layer, which come first


def with_backbone(net: Any) -> None:
    net.backbone = net.layers[0]


def in_float64(net: Any) -> None:
    """ModelPruning's masks do not follow a later change of precision."""
    net.double()


class FreezeFirst(callbacks.BaseFinetuning):
    """Trains the first layer from the second epoch on."""

    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.layers[0])

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Any) -> None:
        if epoch == 1:
            self.make_trainable(pl_module.layers[0])


class Writer(callbacks.BasePredictionWriter):
    def __init__(self, folder: Path) -> None:
        super().__init__("batch")
        self.folder = folder

    def write_on_batch_end(self, trainer: Any, pl_module: Any, prediction: Any, *others: Any) -> None:
        torch.save(prediction, self.folder / f"{others[2]}.pt")


class SavesAtTheEnd(callbacks.Checkpoint):
    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        trainer.save_checkpoint(Path(trainer.default_root_dir) / "end.ckpt")


class Bar(callbacks.ProgressBar):
    def enable(self) -> None:
        pass

    def disable(self) -> None:
        pass


class Fails(L.Callback):
    counts_blocks = True

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        raise RuntimeError("as an error in training")


class Counts(callbacks.LambdaCallback):
    """A LambdaCallback that counts the mini-batches."""

    def __init__(self) -> None:
        self.calls = 0
        super().__init__(on_train_batch_end=self.count)

    def count(self, *_: Any) -> None:
        self.calls += 1


def backbone_stays(ran: Ran) -> None:
    before, after = initial_weights(), weights(ran.net)
    assert torch.equal(before[:BACKBONE], after[:BACKBONE].to(torch.float32))
    assert not torch.equal(before[BACKBONE:], after[BACKBONE:].to(torch.float32))


def writes_predictions(ran: Ran) -> None:
    ran.trainer.predict(ran.net, datamodule=ran.data)
    assert torch.load(ran.folder / "0.pt").shape == (25, 10)


def finds_a_batch_size(ran: Ran) -> None:
    assert ran.data.batch_size == ran.callback(callbacks.BatchSizeFinder).optimal_batch_size == 8  # type: ignore[attr-defined]
    assert ran.updates == EPOCHS * -(-BATCHES * BATCH_SIZE // 8)


def finds_a_learning_rate(ran: Ran) -> None:
    found = ran.callback(callbacks.LearningRateFinder).optimal_lr
    assert len(found.results["lr"]) == 25
    assert ran.net.hparams["learning_rate"] == found.suggestion() != LEARNING_RATE
    assert ran.trainer.optimizers[0].param_groups[0]["lr"] == found.suggestion()


def prunes_half_of_the_rest(ran: Ran) -> None:
    """After each of the two epochs."""
    assert (weights(ran.net) == 0).double().mean() == pytest.approx(0.75, abs=0.001)


def saves_on_an_exception(ran: Ran) -> None:
    callback = ran.callback(callbacks.OnExceptionCheckpoint)
    removed: list[str] = []
    ran.trainer.strategy.remove_checkpoint = removed.append  # type: ignore[method-assign,assignment]
    trainer = L.Trainer(max_epochs=9, callbacks=[callback, Fails()], default_root_dir=ran.folder, **IN_FLOAT64)
    trainer.strategy.remove_checkpoint = removed.append  # type: ignore[method-assign,assignment]
    with pytest.raises(RuntimeError, match="as an error"):
        trainer.fit(ran.net, datamodule=ran.data)
    assert torch.load(callback.ckpt_path, weights_only=False)["global_step"] == BATCHES


def stops_at_a_spike(ran: Ran) -> None:
    """With mode "max", a cost that falls is a spike."""
    spike = callbacks.SpikeDetection("max", atol=0.0, rtol=0.0, exclude_batches_path=ran.folder / "skip.json")
    trainer = L.Trainer(max_epochs=9, callbacks=[spike], default_root_dir=ran.folder, **IN_FLOAT64)
    with pytest.raises(TrainingSpikeException):
        trainer.fit(ran.net, datamodule=ran.data)
    assert (ran.folder / "skip.json").exists()


def counts_examples(ran: Ran) -> None:
    """After every fifth mini-batch."""
    samples = next(values for name, values in ran.logger.logged.items() if name.endswith("/samples"))
    assert list(samples.values()) == [5 * BATCH_SIZE * i for i in range(1, EPOCHS * BATCHES // 5 + 1)]


def measures_time(ran: Ran) -> None:
    assert ran.callback(callbacks.Timer).time_elapsed("train") > 0


def all_batches(kind: str) -> Callable[[Ran], None]:
    """The progress bar shows every mini-batch."""

    def check(ran: Ran) -> None:
        assert ran.callback(getattr(callbacks, kind)).total_train_batches == BATCHES

    return check


def calls_for_every_batch(ran: Ran) -> None:
    assert ran.callback(Counts).calls == EPOCHS * BATCHES
