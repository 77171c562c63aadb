"""TODO training.watchdogs."""

import sys
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnist_mlp.errors import InputError
from mnist_mlp.training.checkpoints import last_checkpoint

COLLAPSED_EPOCHS, COLLAPSED_UPDATES = 2, 100  # fewer updates may still be on the plateau where training begins
LOOK_EVERY = 50  # steps of the Trainer


class CostWatch(Callback):
    """Stops a run whose cost is no longer a number, before its weights reach a checkpoint.

    The costs stay on their device and are looked at together, every 50 steps and at the
    end of an epoch, so that the accelerator need not wait after every update.
    """

    counts_blocks = True

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
        if len(self._costs) >= LOOK_EVERY:
            self._look(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
        if not self._costs:
            return
        # Over the processes, so that all of them stop; NaN plus anything is NaN.
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
    """Warns, once, of a net that has given one constant answer to every image for whole epochs."""

    def __init__(self) -> None:
        self._epochs = 0
        self._updates_before = 0
        self._warned = False

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._look(trainer)

    def _look(self, trainer: L.Trainer) -> None:
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
                f"mnist_mlp: warning: the net has given the same answer to every image for {self._epochs} epochs: "
                "its units are saturated and hardly learn; start again with a smaller --model.learning_rate or a "
                "longer warm-up, such as --model.lr_warmup_epochs 2.",
                file=sys.stderr,
            )
