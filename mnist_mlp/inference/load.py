"""Load a trained net from a Lightning checkpoint or a .safetensors file, and write a .safetensors file."""

import json
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained, data_module
from mnist_mlp.model import SigmoidMLP

SAFETENSORS = ".safetensors"
METADATA_KEY = "mnist_mlp"  # in exported files, the key of the net's settings, a JSON document
TRAINING_ONLY = ("engine", "skip_below")  # settings of FastSigmoidMLP that SigmoidMLP does not have


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a Lightning checkpoint. It may hold only tensors and plain values, so reading it cannot run code.

    Raises:
        InputError: the file is missing, damaged, or not a checkpoint of a net.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; runs keep theirs in lightning_logs/version_N/checkpoints.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of pickles by other programs, which are refused below
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
    """Check that the checkpoint's weights have the names and shapes of the net's weights.

    Raises:
        InputError: a name or a shape differs.
    """
    has = {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}
    wants = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if has != wants:
        raise InputError(
            f"{path} is of another net ({describe_shapes(has)}) than the one asked for ({describe_shapes(wants)}); "
            "leave out --model options that differ, or give another checkpoint."
        )


def describe_shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    """Return the sizes of the layers, such as 784-300-10, from the shapes of the weights."""
    weights = [shape for name, shape in shapes.items() if name.endswith(".weight") and len(shape) == 2]
    if not weights:
        return "no layers"
    biases = "" if any(name.endswith(".bias") for name in shapes) else " without biases"
    return "-".join(str(n) for n in [weights[0][1], *(shape[0] for shape in weights)]) + biases


def load_net(path: str | Path) -> Trained:
    """Load a trained net. Reading the file cannot run code.

    Args:
        path: a checkpoint of a run, or a .safetensors file that export.py wrote.

    Raises:
        InputError: the file is missing, damaged or of another kind.
    """
    path = Path(path)
    return _from_safetensors(path) if path.suffix == SAFETENSORS else _from_checkpoint(path)


def to_safetensors(trained: Trained, half: bool = False) -> bytes:
    """Return the content of a .safetensors file from which `load_net` reads the same net.

    Args:
        trained: the net.
        half: store weights and biases as float16, in half the space, rounded to 11 bits.
    """
    import safetensors.torch

    dtype = torch.float16 if half else None
    state = {name: value.to(dtype).contiguous() for name, value in trained.net.state_dict().items()}
    return safetensors.torch.save(state, metadata={METADATA_KEY: trained.settings()})


def _from_safetensors(path: Path) -> Trained:
    import safetensors

    if not path.is_file():
        raise InputError(f"there is no file {path}; `python -m mnist_mlp.export` writes such files.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or no safetensors file; give another one.") from error
    try:
        settings = json.loads(metadata[METADATA_KEY])
        model = _settings_of_the_plain_net(settings["model"])
        data, preprocessing = settings["data"], Preprocessing(**settings["scale"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _of_another_kind(path) from error
    return Trained(_net(model, state, path), preprocessing, model, data)


def _from_checkpoint(path: Path) -> Trained:
    checkpoint = read_checkpoint(path)
    # Plain JSON values, so that a net has the same settings whichever kind of file it comes from.
    model, data = (
        json.loads(json.dumps(checkpoint.get(key), default=str))
        for key in ("hyper_parameters", "datamodule_hyper_parameters")
    )
    if not isinstance(model, dict):
        raise _of_another_kind(path)
    model = _settings_of_the_plain_net(model)
    net = _net(model, checkpoint["state_dict"], path)
    state = checkpoint.get(MNISTData.__qualname__, {})
    if "scale" in state:
        preprocessing = Preprocessing(*state["scale"])
    elif data is not None:  # an older checkpoint, without the scale: it is computed again from the training images
        training_data = data_module(data)
        training_data.setup()
        preprocessing = training_data.preprocessing
    else:
        raise InputError(
            f"{path} does not say how the pixels were scaled in training; give a checkpoint of a run with MNISTData."
        )
    return Trained(net, preprocessing, model, data)


def _net(model: dict[str, Any], state: dict[str, Tensor], path: Path) -> SigmoidMLP:
    try:
        with torch.random.fork_rng(devices=[]):  # do not use up random numbers of the caller
            net = SigmoidMLP(**model)
        net.load_state_dict(state)
    except (TypeError, RuntimeError, InputError) as error:
        raise _of_another_kind(path) from error
    if not all(weight.isfinite().all() for weight in net.parameters()):
        raise InputError(f"{path} holds weights that are not numbers; give an earlier checkpoint.")
    return net.eval()


def _settings_of_the_plain_net(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without those of FastSigmoidMLP, which concern only training."""
    return {name: value for name, value in settings.items() if name not in TRAINING_ONLY}


def _of_another_kind(path: Path) -> InputError:
    return InputError(
        f"{path} is not a net of this project; give a checkpoint of `python -m mnist_mlp.train`, or a "
        f"{SAFETENSORS} file of `python -m mnist_mlp.export`."
    )
