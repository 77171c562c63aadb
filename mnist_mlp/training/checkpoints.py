"""The checkpoints of a run: best.ckpt and last.ckpt, which of them is tested, and the note after Ctrl-C."""

import io
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.utilities.exceptions import SIGTERMException
from typing_extensions import override

from mnist_mlp.files import write_atomically
from mnist_mlp.schedule import limit
from mnist_mlp.training.launchers import launched_command


def checkpoints(has_validation: bool, folder: Path | None = None) -> list[Callback]:
    """Return the callbacks that write last.ckpt after each epoch, and best.ckpt after the best one.

    The best epoch is the one with the highest validation accuracy.

    Args:
        has_validation: whether there is a validation split. Without one there is no best.ckpt.
        folder: the folder of the checkpoints of a resumed run; None lets the Trainer's logger choose it.
    """
    last = RunCheckpoint(folder, filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
    if not has_validation:
        return [last]
    best = RunCheckpoint(
        folder,
        filename="best",
        monitor="val/accuracy",
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return [best, last]


class RunCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint that still knows the best epoch so far when the folder of a resumed run has been moved.

    The class name is part of keys in checkpoints: renaming it makes older ones lose that knowledge.
    """

    counts_blocks = True  # looks on only, at whole epochs (fast/eligibility.py)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, with all paths in the present folder."""

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best = moved["best_model_path"]
        if best and not Path(best).is_file():
            return  # the checkpoint was copied without its run: start without a best epoch
        best_k = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": best_k, "dirpath": self.dirpath})


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes each checkpoint beside its target and renames it, so that a crash leaves the old one or the new one.

    Lightning writes to the system's folder for temporary files. If that is on another file system, it copies the file
    over the target, and a crash within the copy destroys both.
    """

    @classmethod
    def use_in(cls, trainer: L.Trainer) -> None:
        """Replace Lightning's default; a CheckpointIO that the options chose stays."""
        if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
            trainer.strategy.checkpoint_io = cls()

    @override
    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        """Save a checkpoint. URLs, such as s3://..., are left to Lightning.

        Raises:
            OSError: the file cannot be written; the old one is unchanged.
        """
        if storage_options is not None or "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        content = io.BytesIO()
        torch.save(checkpoint, content)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(Path(path), content.getvalue())


class EveryEpoch(RunCheckpoint):
    """Keeps a checkpoint of every epoch, for figures that compare all epochs (results/measure.py)."""

    def __init__(self) -> None:
        super().__init__(filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)


class InterruptNote(Callback):
    """Says after Ctrl-C or SIGTERM how to resume the run, and makes that possible from the first epoch on.

    Args:
        command: the command to resume with, without its options.
    """

    counts_blocks = True

    def __init__(self, command: str) -> None:
        self.command = command

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save the initial weights as last.ckpt, for an interruption in the first epoch."""
        if trainer.ckpt_path is None and (last := last_path(trainer)) is not None:
            trainer.save_checkpoint(last)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        """Print the note."""
        if isinstance(exception, KeyboardInterrupt) or type(exception) is SIGTERMException:
            self.print_note(trainer)

    def print_note(self, trainer: L.Trainer) -> None:
        """Print where the run was interrupted and how to resume it."""
        if not trainer.is_global_zero:
            return
        last = last_checkpoint(trainer)
        note = f"Interrupted in epoch {trainer.current_epoch + 1}."
        if last is None:
            note = "Interrupted before a checkpoint was written."
        elif trainer.state.fn != "fit" or trainer.current_epoch >= limit(trainer.max_epochs):
            note = f"Interrupted after the training. {last} holds its end; test it with:"
        else:
            note += f" {last} holds the end of the last complete epoch; resume with:"
        command = launched_command(self.command)
        print(f"\n{note}" + ("" if last is None else f"\n{command} --ckpt_path {last}"), flush=True)


def last_path(trainer: L.Trainer) -> Path | None:
    """The path of the run's last.ckpt; None before the run has a folder, and for a run without checkpoints."""
    for callback in trainer.checkpoint_callbacks:
        if getattr(callback, "filename", None) == "last" and getattr(callback, "dirpath", None) is not None:
            return Path(callback.dirpath) / "last.ckpt"  # type: ignore[attr-defined]
    return None


def last_checkpoint(trainer: L.Trainer) -> Path | None:
    """The run's last.ckpt, if it has been written."""
    path = last_path(trainer)
    return path if path is not None and path.is_file() else None


def chosen_checkpoint(trainer: L.Trainer) -> str | None:
    """The checkpoint to test: best.ckpt, or last.ckpt without a validation split; None without checkpoints."""
    kept = [c for c in trainer.checkpoint_callbacks if isinstance(c, RunCheckpoint) and c.best_model_path]
    kept.sort(key=lambda c: (c.monitor is None, c.filename != "last"))
    return kept[0].best_model_path if kept else None
