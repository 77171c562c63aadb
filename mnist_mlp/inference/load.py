"""A trained net, to be used: from a checkpoint of Lightning's, or from a .safetensors file of `mnist_mlp.export`."""

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
            f"{path} is of another net ({describe_shapes(has)}) than the one asked for ({describe_shapes(wants)}); "
            "leave out --model options that differ, or give another checkpoint."
        )


def describe_shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    """784-300-10, from the shapes of the layers' weights."""
    weights = [shape for name, shape in shapes.items() if name.endswith(".weight") and len(shape) == 2]
    if not weights:
        return "no layers"
    biases = "" if any(name.endswith(".bias") for name in shapes) else " without biases"
    return "-".join(str(n) for n in [weights[0][1], *(shape[0] for shape in weights)]) + biases


SAFETENSORS = ".safetensors"
TRAINING_ONLY = ("engine", "skip_below")
METADATA_KEY = "mnist_mlp"  # of what an exported file says of the net, as JSON


def load_net(path: str | Path) -> Trained:
    """Read a net: weights and plain settings only; nothing in the file can run code.

    Args:
        path: a checkpoint of a run, or a .safetensors file of `mnist_mlp.export`.

    Raises:
        InputError: the file is missing, damaged or of another kind.
    """
    path = Path(path)
    return _from_safetensors(path) if path.suffix == SAFETENSORS else _from_checkpoint(path)


def to_safetensors(trained: Trained, half: bool = False) -> bytes:
    """The content of a .safetensors file from which `load_net` reads the same net.

    Args:
        half: its weights and biases as float16, rounded to 11 bits, in half the space.
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
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    except (safetensors.SafetensorError, OSError) as error:
        raise InputError(f"{path} is damaged or no safetensors file; give another one.") from error
    try:
        settings = json.loads(metadata[METADATA_KEY])
        model = _settings_of_the_plain_net(settings["model"])
        data, inputs = settings["data"], Preprocessing(**settings["scale"])
    except (KeyError, TypeError, ValueError) as error:
        raise _of_another_kind(path) from error
    return Trained(_net(model, state, path), inputs, model, data)


def _from_checkpoint(path: Path) -> Trained:
    checkpoint = read_checkpoint(path)
    # As JSON has them, so that a net says the same of itself whatever file it comes from.
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
        inputs = Preprocessing(*state["scale"])
    elif data is not None:  # an older checkpoint: the scale is computed anew from the training images
        images = data_module(data)
        images.setup()
        inputs = images.preprocessing
    else:
        raise InputError(
            f"{path} does not say how the pixels were scaled that its net was trained on; give a checkpoint of a "
            "training with MNISTData."
        )
    return Trained(net, inputs, model, data)


def _net(model: dict[str, Any], state: dict[str, Tensor], path: Path) -> SigmoidMLP:
    try:
        with torch.random.fork_rng(devices=[]):  # the weights drawn here are not those of a caller's seed
            net = SigmoidMLP(**model)
        net.load_state_dict(state)
    except (TypeError, RuntimeError, InputError) as error:
        raise _of_another_kind(path) from error
    if not all(weight.isfinite().all() for weight in net.parameters()):
        raise InputError(f"{path} holds weights that are not numbers; give a checkpoint from before they were lost.")
    return net.eval()


def _settings_of_the_plain_net(settings: dict[str, Any]) -> dict[str, Any]:
    """SigmoidMLP's arguments, without those of FastSigmoidMLP, which concern training only."""
    return {name: value for name, value in settings.items() if name not in TRAINING_ONLY}


def _of_another_kind(path: Path) -> InputError:
    return InputError(
        f"{path} is not a net of this project; give a checkpoint of `python -m mnist_mlp.train`, or a "
        f"{SAFETENSORS} file of `python -m mnist_mlp.export`."
    )
