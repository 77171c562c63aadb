"""A trained net, to be used: from a checkpoint of Lightning's, or from a .safetensors file of `mnist_mlp.export`."""

import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mnist_mlp.batches import DEFORMED_AT_ONCE, Inputs
from mnist_mlp.checkpoint import read_checkpoint
from mnist_mlp.data import EVALUATION_BATCH_SIZE, MNISTData
from mnist_mlp.deformation import Deformation
from mnist_mlp.errors import InputError
from mnist_mlp.model import SigmoidMLP

RUNS = Path("lightning_logs")
SAFETENSORS = ".safetensors"
METADATA_KEY = "mnist_mlp"  # of what an exported file says of the net, as JSON


class Trained(NamedTuple):
    """A net with what is needed to use it.

    net: in evaluation mode, on the CPU.
    inputs: from images to the input neurons' activations, as in the net's training.
    model: the net's hyper-parameters, SigmoidMLP's arguments.
    data: MNISTData's arguments in the net's training; None if it was trained on other data.
    """

    net: SigmoidMLP
    inputs: Inputs
    model: dict[str, Any]
    data: dict[str, Any] | None

    @torch.no_grad()
    def activations(self, images: Tensor) -> Tensor:
        """The output neurons' activations, (B, 10), for images of MNIST's form, (B, 28, 28) uint8."""
        return torch.cat([self.net(self.inputs(part)) for part in images.split(EVALUATION_BATCH_SIZE)])

    @torch.no_grad()
    def averaged_activations(self, images: Tensor, deformation: Deformation, versions: int) -> Tensor:
        """The mean of the output neurons' activations, (B, 10), over so many deformed versions of each image.

        The decision rule of APAC (Sato, Nishimura, Yokoi 2015, arXiv 1505.03229; there the mean is that of logarithms).
        The versions are the same in every call.
        """
        generator = torch.Generator().manual_seed(0)
        means = []
        for part in images.split(DEFORMED_AT_ONCE):
            no_labels = torch.zeros(len(part), dtype=torch.int64)
            answers = (self.net(self.inputs.deformed(part, no_labels, deformation, generator)) for _ in range(versions))
            means.append(torch.stack(list(answers)).mean(dim=0))
        return torch.cat(means)

    def training_data(self, data_dir: str | None = None) -> MNISTData:
        """What the net was trained, validated and tested on; in `data_dir`, if not where it was then.

        Raises:
            InputError: that is not known.
        """
        if self.data is None:
            raise InputError("the net does not say what data it was trained on, so its splits are not known.")
        return _data({**self.data, "data_dir": data_dir} if data_dir is not None else self.data)

    def settings(self) -> str:
        """All but the weights, as JSON."""
        return json.dumps({"model": self.model, "data": self.data, "scale": self.inputs._asdict()})


def find_net(own_first: bool = False) -> Path:
    """The net that comes with the package; else the best checkpoint of the newest run in ./lightning_logs.

    Where no run has a best.ckpt, because none was validated, it is the newest last.ckpt.

    Args:
        own_first: the other way round, for the commands that are about what has just been trained.

    Raises:
        InputError: there is neither.
    """
    own = [_by_age(RUNS.glob(f"*/checkpoints/{name}.ckpt")) for name in ("best", "last")]
    package = nets_of_the_package()
    for found in [*own, package] if own_first else [package, *own]:
        if found:
            return found[-1]
    raise InputError(
        f"there is no run in {RUNS.resolve()}; train a net with `python -m mnist_mlp.train`, or name one with --ckpt."
    )


def nets_of_the_package() -> list[Path]:
    """The nets that come with the package; of several, the last is taken."""
    return sorted(Path(str(files("mnist_mlp") / "net")).glob(f"*{SAFETENSORS}"))


def checkpoints_of_runs() -> list[Path]:
    """All checkpoints in ./lightning_logs, the newest first."""
    return _by_age(RUNS.glob("*/checkpoints/*.ckpt"))[::-1]


def _by_age(paths: Iterable[Path]) -> list[Path]:
    ages = []
    for path in paths:
        with suppress(OSError):  # a run that goes on has just replaced it
            ages.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(ages)]


def named_or_found_net(path: str | Path | None, own_first: bool = False) -> Trained:
    """The net of a command's --ckpt; if that was left out, `find_net`'s, of which stderr is told.

    Raises:
        InputError: as `load_net` and `find_net`.
    """
    if path is None:
        path = find_net(own_first)
        print(f"mnist_mlp: the net is {path}", file=sys.stderr)
    return load_net(path)


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
        model, data, inputs = settings["model"], settings["data"], Inputs(**settings["scale"])
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
    net = _net(model, checkpoint["state_dict"], path)
    state = checkpoint.get(MNISTData.__qualname__, {})
    if "scale" in state:
        inputs = Inputs(*state["scale"])
    elif data is not None:  # an older checkpoint: the scale is computed anew from the training images
        images = _data(data)
        images.setup()
        inputs = images.inputs
    else:
        raise InputError(
            f"{path} does not say how the pixels were scaled that its net was trained on; give a checkpoint of a "
            "training with MNISTData."
        )
    return Trained(net, inputs, model, data)


def _data(settings: dict[str, Any]) -> MNISTData:
    try:
        return MNISTData(**settings)
    except TypeError as error:
        raise InputError(f"the net was trained on data with settings unknown here ({settings}).") from error


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


def _of_another_kind(path: Path) -> InputError:
    return InputError(
        f"{path} is not a net of this project; give a checkpoint of `python -m mnist_mlp.train`, or a "
        f"{SAFETENSORS} file of `python -m mnist_mlp.export`."
    )
