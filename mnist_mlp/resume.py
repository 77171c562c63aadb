"""What a checkpoint needs beyond Lightning's own state, so that a resumed run ends with the same bits."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from mnist_mlp.data.loader import MiniBatches
from mnist_mlp.lightning_private import set_position, upgrade_counts

METRICS_KEY = "train_scores"  # the key's name in checkpoints since version 0.1


class ExactResume(Callback):
    """Restores the training metrics of a begun epoch, and where in the epoch the run stands.

    SigmoidMLP brings it along, so that it works in any Trainer.
    """

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the metrics of the epoch so far."""
        checkpoint[METRICS_KEY] = pl_module.train_metrics.state()  # type: ignore[union-attr,operator]

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Restore them, and the count of weight updates of older checkpoints."""
        upgrade_counts(checkpoint)
        if METRICS_KEY in checkpoint:
            pl_module.train_metrics.load_state(checkpoint[METRICS_KEY])  # type: ignore[union-attr,operator]

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Continue at the mini-batch after the last one that was used."""
        loader = trainer.train_dataloader
        if isinstance(loader, MiniBatches):
            set_position(trainer, loader.steps_made, epoch_is_complete=loader.made >= loader.updates)
