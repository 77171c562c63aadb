"""Checkpoints: which ones a run writes, and reading one that a user names, checked and without running code."""

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import nn

from mnist_mlp.errors import InputError


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


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a Lightning checkpoint, weights and plain settings only: a pickle in it cannot run code.

    Raises:
        InputError: the file is missing, damaged, or no checkpoint of a net.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; runs keep theirs in lightning_logs/version_N/checkpoints.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, on pickles by others; they are refused below
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if zipfile.is_zipfile(path):
            raise InputError(
                f"{path} holds more than weights and settings, which could run code, so it is not loaded; "
                "give a checkpoint that this project wrote."
            ) from error
        raise InputError(f"{path} is damaged or no checkpoint; give another one.") from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged or no checkpoint; give another one.") from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise InputError(f"{path} is not a checkpoint of a net of this project; give one that it wrote.")
    return checkpoint


def check_fits(checkpoint: dict[str, Any], model: nn.Module, path: str | Path) -> None:
    """The checkpoint's weights have the names and shapes of the net's.

    Raises:
        InputError: they do not.
    """
    has = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    wants = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if has != wants:
        raise InputError(
            f"{path} is of another net ({_net(has)}) than the one asked for ({_net(wants)}); "
            "leave out --model options that differ, or give another checkpoint."
        )


def run_folder(ckpt_path: str | Path | None) -> Path | None:
    """The folder of the run that wrote a checkpoint: RUN/checkpoints/FILE, with RUN/config.yaml beside."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).resolve().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and (run / "config.yaml").is_file() else None


def _net(shapes: dict[str, tuple[int, ...]]) -> str:
    """784-300-10, from the shapes of the layers' weights."""
    weights = [shape for name, shape in shapes.items() if name.endswith(".weight") and len(shape) == 2]
    if not weights:
        return "no layers"
    biases = "" if any(name.endswith(".bias") for name in shapes) else " without biases"
    return "-".join(str(n) for n in [weights[0][1], *(shape[0] for shape in weights)]) + biases
