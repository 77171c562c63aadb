"""Checkpoints: which ones a run writes, and reading one that a user names, checked and without running code."""

from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint


def checkpoints(has_validation: bool) -> list[Callback]:
    """best.ckpt, of the epoch with the best validation accuracy, and last.ckpt, of the last epoch."""
    last = RunCheckpoint(filename="last", save_on_train_epoch_end=True, enable_version_counter=False)
    if not has_validation:
        return [last]
    best = RunCheckpoint(
        filename="best",
        monitor="val/accuracy",
        mode="max",
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return [best, last]


class RunCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint that remembers the best so far even if the run's folder was moved before it is resumed."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best_k = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **moved, "best_k_models": best_k, "dirpath": self.dirpath})


class EveryEpoch(RunCheckpoint):
    """Keeps the net of every epoch, for figures that are taken of all of them afterwards."""

    def __init__(self) -> None:
        super().__init__(filename="{epoch}", save_top_k=-1, save_on_train_epoch_end=True)


class InterruptNote(Callback):
    """Sees to it that a run can be resumed from its first moment on, and says how when it is interrupted."""

    def __init__(self, command: str) -> None:
        self.command = command

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Until an epoch is complete, last.ckpt holds the weights the run starts from."""
        if trainer.ckpt_path is None and (last := last_path(trainer)) is not None:
            trainer.save_checkpoint(last)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if not isinstance(exception, KeyboardInterrupt) or not trainer.is_global_zero:
            return
        last = last_checkpoint(trainer)
        note = f"Interrupted in epoch {trainer.current_epoch + 1}."
        if last is None:
            note = "Interrupted before a checkpoint was written."
        else:
            note += f" {last} holds the end of the last complete epoch; go on with:\n{self.command} --ckpt_path {last}"
        print(f"\n{note}", flush=True)


def last_path(trainer: L.Trainer) -> Path | None:
    """Where the run's last.ckpt belongs."""
    for callback in trainer.checkpoint_callbacks:
        # Its folder is known once the run is set up.
        if getattr(callback, "filename", None) == "last" and getattr(callback, "dirpath", None) is not None:
            return Path(callback.dirpath) / "last.ckpt"  # type: ignore[attr-defined]
    return None


def last_checkpoint(trainer: L.Trainer) -> Path | None:
    """The run's last.ckpt, if it is there."""
    path = last_path(trainer)
    return path if path is not None and path.is_file() else None
