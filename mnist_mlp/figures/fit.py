"""Training of the small nets of figures 7 and 8. It writes and prints nothing."""

import warnings
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from mnist_mlp.model import SigmoidMLP
from mnist_mlp.training.quiet import silence_lightning


def fit_on_cpu(net: SigmoidMLP, epochs: int, *callbacks: Callback, **data: Any) -> L.Trainer:
    """Train on the CPU, so that a seed gives the same numbers on every device.

    Args:
        net: trained in place.
        epochs: how many.
        callbacks: the Trainer's callbacks.
        data: `Trainer.fit`'s data arguments, such as `datamodule`.

    Returns:
        The Trainer, to test the net with.

    Raises:
        KeyboardInterrupt: on Ctrl-C.
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
    except SystemExit as interrupted:  # Lightning's answer to Ctrl-C
        raise KeyboardInterrupt from interrupted
    return trainer
