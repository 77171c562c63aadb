"""Load a trained net from a Lightning checkpoint or a .safetensors file, and write a .safetensors file."""

import inspect
import itertools
import json
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from mnist_mlp.checks import check_net_settings, is_finite
from mnist_mlp.data.class_names import CLASS_NAMES
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.inference.checkpoint import check_plain, damage, read_checkpoint
from mnist_mlp.inference.resumable import check_resumable
from mnist_mlp.inference.trained import Trained, data_module
from mnist_mlp.model import N_OUTPUTS, SigmoidMLP

SAFETENSORS = ".safetensors"
METADATA_KEY = "mnist_mlp"  # in exported files, the key of the net's settings, a JSON document
TRAINING_ONLY = ("engine", "skip_below")  # settings of FastSigmoidMLP that SigmoidMLP does not have


def check_fits(checkpoint: dict[str, Any], model: nn.Module, path: str | Path) -> None:
    """Check that a run with this net can be resumed from the checkpoint.

    Raises:
        InputError: the weights have other names or shapes than the net's, or are not numbers; or another part is
            missing or damaged (inference/resumable.py).
    """
    has = _shapes(checkpoint["state_dict"], path)
    wants = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if has != wants:
        raise InputError(
            f"{path} is of another net ({describe_shapes(has)}) than the one asked for ({describe_shapes(wants)}); "
            "leave out --model options that differ, or give another checkpoint."
        )
    _check_finite(checkpoint["state_dict"], path)
    check_resumable(checkpoint, model, path)


def _shapes(state: Any, path: str | Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights and biases of a file, by name."""
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) and value.is_floating_point()
        for name, value in state.items()
    ):
        raise _of_another_kind(path)
    return {name: tuple(value.shape) for name, value in state.items()}


def _check_finite(state: dict[str, Tensor], path: str | Path) -> None:
    if not all(bool(value.float().isfinite().all()) for value in state.values()):
        raise InputError(f"{path} holds weights that are not numbers; give an earlier checkpoint.")


def describe_shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    """Return the sizes of the layers, such as 784-300-10, from the shapes of the weights."""
    weights = [shape for name, shape in shapes.items() if name.endswith(".weight") and len(shape) == 2]
    if not weights:
        return "no layers"
    biases = "" if any(name.endswith(".bias") for name in shapes) else " without biases"
    return shorten("-".join(str(n) for n in [weights[0][1], *(shape[0] for shape in weights)]), 100) + biases


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
    with damage(path, "safetensors file"), safetensors.safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    try:
        settings = json.loads(metadata[METADATA_KEY])
        check_plain(settings, path.stat().st_size)
        model, data, scale = (_plain(settings[name], path) for name in ("model", "data", "scale"))
        preprocessing = Preprocessing(**scale)
        names = settings.get("class_names")
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _of_another_kind(path) from error
    return _trained(model, data, preprocessing, names, state, path)


def _from_checkpoint(path: Path) -> Trained:
    checkpoint = read_checkpoint(path)
    state = checkpoint.get(MNISTData.__qualname__, {})
    if not isinstance(state, dict):
        raise _of_another_kind(path)
    try:
        model, data = (
            _plain(checkpoint.get(name), path) for name in ("hyper_parameters", "datamodule_hyper_parameters")
        )
        preprocessing = Preprocessing(*state["scale"]) if "scale" in state else None
        names = state.get("class_names")
    except TypeError as error:
        raise _of_another_kind(path) from error
    return _trained(model, data, preprocessing, names, checkpoint["state_dict"], path)


def _plain(settings: Any, path: Path) -> Any:
    """Return settings as plain JSON values, so that a net has the same ones whichever kind of file it comes from.

    Raises:
        InputError: a number is NaN or infinite.
        TypeError: a key is neither text nor a number.
    """
    try:
        return json.loads(json.dumps(settings, default=str, allow_nan=False))
    except ValueError as error:
        raise InputError(f"{path} holds settings that are NaN or infinite; give another file.") from error


def _trained(
    model: Any, data: Any, preprocessing: Preprocessing | None, class_names: Any, state: Any, path: Path
) -> Trained:
    """Build the net of a file after all its parts have been checked.

    Args:
        model: the arguments of SigmoidMLP, and maybe of FastSigmoidMLP.
        data: those of MNISTData; None for other data.
        preprocessing: None for an older checkpoint: it is computed again from the training images.
        class_names: those of the labels; None for an older file, where they follow from the data set.
        state: the weights and biases.
        path: the file.
    """
    if not isinstance(model, dict) or not isinstance(data, (dict, type(None))):
        raise _of_another_kind(path)
    # The settings of FastSigmoidMLP concern only training.
    model = {name: value for name, value in model.items() if name not in TRAINING_ONLY}
    net = _net(model, state, path)
    if preprocessing is None:
        if data is None:
            raise InputError(
                f"{path} does not say how the pixels were scaled in training; "
                "give a checkpoint of a run with MNISTData."
            )
        training_data = data_module(data)
        training_data.setup()
        preprocessing = training_data.preprocessing
    factor, offset, deskew = preprocessing
    if not (is_finite(factor) and is_finite(offset) and isinstance(deskew, bool)):
        raise InputError(f"{path} does not scale the pixels by finite numbers; give another file.")
    if not _stays_finite(net, preprocessing):
        raise InputError(f"{path} holds weights so large that activations overflow; give an earlier checkpoint.")
    return Trained(net, preprocessing, model, data, _class_names(class_names, data, path))


def _class_names(names: Any, data: dict[str, Any] | None, path: Path) -> tuple[str, ...] | None:
    """Return the names of the classes, or None if the file does not say what its labels stand for."""
    if names is None and data is not None:
        names = CLASS_NAMES.get(str(data.get("dataset", "MNIST")))
    if not names:
        return None
    if not isinstance(names, (list, tuple)) or len(names) > N_OUTPUTS:
        raise _of_another_kind(path)
    if not all(isinstance(name, str) and name.isprintable() and len(name) < 256 for name in names):
        raise _of_another_kind(path)
    return tuple(names)


def _net(model: dict[str, Any], state: Any, path: Path) -> SigmoidMLP:
    """Build the net. Settings and shapes are compared first: they could ask for any amount of memory."""
    has = _shapes(state, path)
    try:
        bound = inspect.signature(SigmoidMLP).bind(**model)
        bound.apply_defaults()
        settings = bound.arguments
        check_net_settings(settings)
    except (TypeError, InputError) as error:
        raise _of_another_kind(path) from error
    sizes = [settings["n_inputs"], *settings["hidden_sizes"], settings["n_outputs"]]
    wants: dict[str, tuple[int, ...]] = {}
    for layer, (n, m) in enumerate(itertools.pairwise(sizes)):
        wants[f"layers.{layer}.weight"] = (m, n)
        if settings["bias"]:
            wants[f"layers.{layer}.bias"] = (m,)
    # Tensors can share their numbers, so that their sum may be larger than the file.
    if has != wants or sum(value.nbytes for value in state.values()) > path.stat().st_size:
        raise _of_another_kind(path)
    _check_finite(state, path)
    with torch.random.fork_rng(devices=[]):  # do not use up random numbers of the caller
        net = SigmoidMLP(**model)
    net.load_state_dict(state)
    return net.eval()


@torch.no_grad()
def _stays_finite(net: SigmoidMLP, preprocessing: Preprocessing) -> bool:
    """Whether no picture can make a weighted sum, or a part of one, infinite or NaN in float32."""
    largest = max(abs(preprocessing.paper), abs(preprocessing.ink))
    for layer in net.linear_layers:
        sums = layer.weight.abs().double().sum(dim=1) * largest
        sums = sums if layer.bias is None else sums + layer.bias.abs()
        largest = float(sums.max())
        if not largest < torch.finfo(torch.float32).max / 2:
            return False
        # Every activation function but the identity ends within 2.
        largest = largest if net.hparams["activation"] == "identity" else 2.0
    return True


def _of_another_kind(path: str | Path) -> InputError:
    return InputError(
        f"{path} is not a net of this project; give a checkpoint of `python -m mnist_mlp.train`, or a "
        f"{SAFETENSORS} file of `python -m mnist_mlp.export`."
    )
