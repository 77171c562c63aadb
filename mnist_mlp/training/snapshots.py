"""Snapshots of the net while it trains, in the run's folder: the demo page moves through them.

They are written before training, after 1, 2, 4, 8, ... epochs and at the end: RUN/snapshots/epoch_0001.safetensors with
the weights and biases as float16 and the metadata {"epoch": "1"}. config.yaml has the settings of the net.
"""

from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import save

from mnist_mlp.files import write_atomically

FOLDER = "snapshots"


class Snapshots(Callback):
    """Writes the snapshots of a run with a folder.

    A resumed run goes on with its snapshots. Those of epochs that it trains again are removed at its start; the end of
    the shorter run stays as what it is, the net after that epoch.

    Args:
        folder: the folder of a resumed run; None takes the one of the Trainer's logger.
    """

    counts_blocks = True  # only looks, at whole epochs (fast/eligibility.py)

    def __init__(self, folder: Path | None = None) -> None:
        self._run = folder
        self._folder: Path | None = None  # None writes nothing

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Remove what is out of date, and write the initial net."""
        log_dir = trainer.log_dir  # a collective operation: every process takes part
        run = self._run or (log_dir if trainer.loggers else None)
        if trainer.is_global_zero and run is not None and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            self._folder = Path(run) / FOLDER
            _remove_later(self._folder, trainer.current_epoch)
        if trainer.global_step == 0:
            self._write(trainer, epoch=0)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch & (epoch - 1) == 0:  # a power of two
            self._write(trainer, epoch)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._write(trainer, trainer.current_epoch)

    def _write(self, trainer: L.Trainer, epoch: int) -> None:
        """Write the net after `epoch` completed epochs. A net that float16 cannot hold has no snapshot."""
        state = trainer.strategy.lightning_module_state_dict()  # collective if processes share the weights out
        if self._folder is None:
            return
        weights = {name: value.detach().to("cpu", torch.float16) for name, value in state.items()}
        path = self._folder / f"epoch_{epoch:04}.safetensors"
        if not all(value.isfinite().all() for value in weights.values()):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(weights, {"epoch": str(epoch)}))


def _remove_later(folder: Path, epoch: int) -> None:
    """Remove the snapshots of epochs after `epoch`."""
    for path in folder.glob("epoch_*.safetensors"):
        number = path.stem.removeprefix("epoch_")
        if number.isdecimal() and int(number) > epoch:
            path.unlink()
