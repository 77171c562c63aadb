"""The nets of the page: which ones, their names, and their weights with those of earlier stages."""

import base64
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_mlp.data.class_names import DIGITS, class_name
from mnist_mlp.demo.stages import Stage, cost_curve, stages
from mnist_mlp.errors import InputError
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.inference.find import find_net, nets_of_the_package, run_folder
from mnist_mlp.inference.load import SAFETENSORS, load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import N_INPUTS, N_OUTPUTS


def default_nets() -> list[Path]:
    """Return the package's net and the net of the newest run; of a run with other data, that net alone.

    Raises:
        InputError: there is neither.
    """
    package, newest = nets_of_the_package()[-1:], find_net(prefer_own_runs=True)
    if not package or newest in package:
        return [newest]
    same = data_of(load_net(newest)) == data_of(load_net(package[0]))
    return [package[0], newest] if same else [newest]


def data_of(trained: Trained) -> tuple[Any, ...]:
    """Return what says which images a net was trained on."""
    data = trained.data or {}
    return data.get("dataset", "MNIST"), data.get("data_dir")


def described_net(path: Path, trained: Trained, error: float) -> dict[str, Any]:
    """Return what the page has to know of a net. `error` is its error on the test images."""
    hparams = trained.net.hparams
    run = run_folder(path)
    epoch = None if path.suffix == SAFETENSORS else _epochs(path)
    found = [Stage(epoch, trained.net.state_dict()), *(stages(run, trained.net, epoch) if run else [])]
    found.sort(key=lambda stage: -1 if stage.epoch is None else stage.epoch)
    return {
        "id": _id(path, run),
        "name": _name(path, run, epoch, error),
        "activation": hparams["activation"],
        "outputActivation": hparams["output_activation"],
        "cost": hparams["cost_function"],
        "targets": list(hparams["target_values"]),
        "bias": hparams["bias"],
        "sizes": [N_INPUTS, *hparams["hidden_sizes"], N_OUTPUTS],
        "eta": _eta(trained),
        "error": error,
        "preprocessing": trained.preprocessing._asdict(),
        "classes": [class_name(trained.class_names or DIGITS, label) for label in range(N_OUTPUTS)],
        "stages": [{"epoch": stage.epoch, "weights": _half(stage.weights, path)} for stage in found],
        "shown": [stage.epoch for stage in found].index(epoch),
        "curve": cost_curve(run) if run else None,
    }


def _epochs(path: Path) -> int | None:
    """Return the number of completed epochs of a checkpoint, if it says so."""
    epoch = read_checkpoint(path).get("epoch")
    return epoch + 1 if isinstance(epoch, int) else None


def _id(path: Path, run: Path | None) -> str:
    """Return the net's name in the page's address."""
    return re.sub(r"[^\w.-]+", "-", f"{run.name}-{path.stem}" if run else path.stem)


def _name(path: Path, run: Path | None, epoch: int | None, error: float) -> str:
    """Return the net's name for a learner."""
    if path.resolve() in [other.resolve() for other in nets_of_the_package()]:
        return f"Best net, {error:.2%} error"
    named = f"Your run {run.name}" if run else path.name
    return f"{named}, {error:.2%} error" if epoch is None else f"{named}, epoch {epoch}"


def _eta(trained: Trained) -> float:
    """Return an η for updates on one example: an example's share of the run's η, to one digit.

    A mini-batch's gradient is the average over its examples, so that each contributes η / batch size.
    """
    share = trained.net.hparams["learning_rate"] / float((trained.data or {}).get("batch_size") or 1)
    return float(f"{share:.1g}")


def _half(weights: dict[str, Tensor], path: Path) -> str:
    """Return weights and biases, layer by layer, as float16 in base64.

    All upper bytes come before all lower bytes, which zlib compresses better.

    Raises:
        InputError: a number is too large for float16.
    """
    halves = torch.cat([value.detach().half().flatten() for value in weights.values()])
    if not bool(halves.isfinite().all()):
        raise InputError(f"{path} holds weights above 65,504, too large for the page; give an earlier checkpoint.")
    planes: NDArray[np.uint8] = halves.numpy().astype("<f2").view(np.uint8).reshape(-1, 2)
    return base64.b64encode(zlib.compress(planes[:, ::-1].T.tobytes(), 9)).decode()
