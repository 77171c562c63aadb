"""Watchdogs: one stops a run whose cost is no longer a number, one warns of a net that has collapsed."""

import sys
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnist_mlp.errors import InputError
from mnist_mlp.training.checkpoints import last_checkpoint

# With fewer weight updates a healthy net may still be on the plateau where training begins.
COLLAPSED_EPOCHS, COLLAPSED_UPDATES = 2, 100
CHECK_EVERY = 50  # steps of the Trainer


class CostWatch(Callback):
    """Stops a run whose cost is NaN or infinite, before its weights reach a checkpoint.

    The costs stay on their device. They are checked together, every 50 steps and at the end of an epoch: a check makes
    the CPU wait for the accelerator.
    """

    counts_blocks = True  # a step of the Trainer may be several weight updates (fast/eligibility.py)

    def __init__(self) -> None:
        self._costs: list[Tensor] = []
        self._updates_before = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._costs.clear()
        self._updates_before = trainer.global_step

    on_train_epoch_start = on_train_start

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._costs.append(outputs.get("mini_batch_costs", outputs["loss"]).detach().reshape(-1))
        if len(self._costs) >= CHECK_EVERY:
            self._check(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._check(trainer)

    def _check(self, trainer: L.Trainer) -> None:
        if not self._costs:
            return
        # The sum over all processes, so that all of them stop: NaN plus anything is NaN.
        finite = trainer.strategy.reduce(torch.cat(self._costs), reduce_op="sum").isfinite()
        if not finite.all():
            update = self._updates_before + int(finite.logical_not().nonzero()[0]) + 1
            last = last_checkpoint(trainer)
            raise InputError(
                f"the cost was no longer a number at weight update {update} (epoch {trainer.current_epoch + 1}); "
                "give a smaller --model.learning_rate or a longer --model.lr_warmup_epochs"
                + (f"; {last} holds the end of the last good epoch." if last else ".")
            )
        self._updates_before += len(finite)
        self._costs.clear()


class CollapseWatch(Callback):
    """Warns once of a net that has predicted the same class for every image for whole epochs."""

    counts_blocks = True

    def __init__(self) -> None:
        self._epochs = 0
        self._updates_before = 0
        self._warned = False

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._check(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._check(trainer)

    def _check(self, trainer: L.Trainer) -> None:
        metrics = trainer.callback_metrics
        predicted_classes = metrics.get("val/predicted_classes", metrics.get("train/predicted_classes"))
        if predicted_classes is None:
            return
        if int(predicted_classes) == 1:
            self._epochs += 1
        else:
            self._epochs, self._updates_before = 0, trainer.global_step
        long_enough = (
            self._epochs >= COLLAPSED_EPOCHS and trainer.global_step - self._updates_before >= COLLAPSED_UPDATES
        )
        if long_enough and not self._warned and trainer.is_global_zero:
            self._warned = True
            print(
                f"mnist_mlp: warning: the net has predicted the same class for every image for {self._epochs} epochs: "
                "its units are saturated and hardly learn; start again with a smaller --model.learning_rate or a "
                "longer warm-up, such as --model.lr_warmup_epochs 2.",
                file=sys.stderr,
            )
