"""What a checkpoint needs beyond Lightning's own state, so that a resumed run ends with the same bits."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from torch.optim.lr_scheduler import LambdaLR

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.loader import sampler_of
from mnist_mlp.lightning_private import ended_by_a_limit, reopen_epoch, set_position, upgrade_counts
from mnist_mlp.schedule import Schedule

METRICS_KEY = "train_scores"  # the key's name in checkpoints since version 0.1


class ExactResume(Callback):
    """Restores the training metrics of a begun epoch, and where in the epoch the run stands.

    SigmoidMLP brings it along, so that it works in any Trainer.
    """

    @classmethod
    def unless_present(cls, trainer: L.Trainer) -> list[Callback]:
        """A new one for the Trainer; none if an earlier `fit` has brought one along."""
        return [] if any(isinstance(callback, cls) for callback in trainer.callbacks) else [cls()]  # type: ignore[attr-defined]

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Convert the net to the run's precision. Lightning does so only after the weights are restored."""
        trainer.precision_plugin.convert_module(pl_module)

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the metrics of the epoch so far."""
        checkpoint[METRICS_KEY] = pl_module.train_metrics.state()  # type: ignore[union-attr,operator]

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore them, and the count of weight updates of older checkpoints."""
        upgrade_counts(checkpoint)
        position = checkpoint.get(MNISTData.__qualname__, {}).get("position")
        if position and 0 < position["made"] < position["updates"]:
            if ended_by_a_limit(checkpoint, position["made"]):
                position["made"] = position["updates"]  # MNISTData holds the same dict: the next epoch starts anew
            else:
                reopen_epoch(checkpoint)
        if METRICS_KEY in checkpoint:
            pl_module.train_metrics.load_state(checkpoint[METRICS_KEY])  # type: ignore[union-attr,operator]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Continue at the mini-batch after the last one that was used, with η by the settings of this run.

        LearningRateFinder and BatchSizeFinder change these settings after the scheduler was made.
        Lightning restores the η that the checkpoint's schedule starts from, whatever the net's settings are now.
        """
        for config in trainer.lr_scheduler_configs:
            scheduler = config.scheduler
            if not isinstance(scheduler, LambdaLR):
                continue
            made = getattr(scheduler.lr_lambdas[0], "__self__", None)
            if not isinstance(made, Schedule):  # not the net's own
                continue
            schedule: Schedule = pl_module.schedule()  # type: ignore[operator]
            if trainer.ckpt_path is not None or schedule != made:
                scheduler.lr_lambdas = [schedule.factor] * len(scheduler.lr_lambdas)
                scheduler.base_lrs = [schedule.peak] * len(scheduler.base_lrs)
                for group in scheduler.optimizer.param_groups:
                    group["lr"] = schedule(scheduler.last_epoch)
        sampler = sampler_of(trainer.train_dataloader)
        if sampler is not None and sampler.resumed:
            set_position(trainer, sampler.steps_made)
