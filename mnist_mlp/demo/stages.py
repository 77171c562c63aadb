"""A run's way to its net: the snapshots that it wrote, and the curve of its average cost."""

import math
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring.cost_curve import BY_EPOCH, TITLES
from mnist_mlp.training.snapshots import FOLDER

COST = f"{BY_EPOCH}/{TITLES['cost']}"
MOST_NUMBERS = 6 * 240_000  # weights and biases in all stages; a default run has up to six besides its net


class Stage(NamedTuple):
    """The net at one moment of its training.

    epoch: the number of completed epochs; None if it is not known.
    weights: weights and biases, by name, in the order of the layers.
    """

    epoch: int | None
    weights: dict[str, Tensor]


def stages(run: Path, net: SigmoidMLP, besides: int | None) -> list[Stage]:
    """Read a run's snapshots, by epoch. Those that cannot be read, or are of another net, are left out.

    Of too many for the page, every second one between the first and the last is left out, and so on.

    Args:
        run: the run's folder.
        net: the run's net.
        besides: the epoch of the net itself, of which no snapshot is needed.
    """
    import safetensors.torch

    state = net.state_dict()
    found = []
    for path in sorted(run.glob(f"{FOLDER}/epoch_*.safetensors")):
        number = path.stem.removeprefix("epoch_")
        try:
            weights = safetensors.torch.load_file(path)
        except (OSError, safetensors.SafetensorError):
            continue
        same = {name: value.shape for name, value in weights.items()} == {name: v.shape for name, v in state.items()}
        finite = all(bool(value.half().isfinite().all()) for value in weights.values())
        if number.isdecimal() and int(number) != besides and same and finite:
            found.append(Stage(int(number), {name: weights[name] for name in state}))
    found.sort(key=lambda stage: stage.epoch or 0)
    most = MOST_NUMBERS // sum(value.numel() for value in state.values())
    while len(found) > most:
        found = [*found[:-1:2], found[-1]] if len(found) > 2 else []
    return found


def cost_curve(run: Path) -> dict[str, list[Any]] | None:
    """Read the average cost of training and validation after each epoch; None if the run has no training curve."""
    curve = {name: _scalars(run / name) for name in ("train", "validation")}
    return curve if curve["train"] else None


def _scalars(folder: Path) -> list[tuple[int, float]]:
    """Return (completed epochs, average cost) of one split, from TensorBoard's files."""
    if not folder.is_dir():
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1, "histograms": 1})
        events.Reload()
    if COST not in events.Tags()["scalars"]:
        return []
    # A resumed run has written some epochs twice; the later one counts.
    costs = {event.step: float(f"{event.value:.5g}") for event in events.Scalars(COST)}
    return sorted((epoch, cost) for epoch, cost in costs.items() if math.isfinite(cost))
