"""TODO figures.fit."""

import warnings
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from mnist_mlp.model import SigmoidMLP
from mnist_mlp.training.quiet import silence_lightning


def fit_on_cpu(net: SigmoidMLP, epochs: int, *callbacks: Callback, **data: Any) -> L.Trainer:
    """Train without leaving anything on the disk.

    Raises:
        KeyboardInterrupt: by Ctrl-C.
    """
    silence_lightning()
    warnings.filterwarnings("ignore", message=".*(have no `val_dataloader`|available but not used).*")
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
    )
    try:
        trainer.fit(net, **data)
    except SystemExit as interrupted:  # how Lightning ends a run that Ctrl-C interrupted
        raise KeyboardInterrupt from interrupted
    return trainer
