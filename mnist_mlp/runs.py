"""`python -m mnist_mlp.runs`: list the runs of a folder, how they ended, and the settings in which they differ."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

import yaml
from filelock import FileLock, Timeout

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.options import Parser, check_config
from mnist_mlp.training.lock import LOCK_FILE

CONFIG, RESUMED_CONFIGS = "config.yaml", "config_resumed_*.yaml"
NOT_COMPARED = ("config", "ckpt_path", "name", "trainer.default_root_dir")  # say where a run is, not what it does


class Run(NamedTuple):
    """A run in a folder.

    name: name of the run's folder.
    end: how the run ended, in words.
    accuracy: test accuracy; None for a run that has not been tested.
    settings: values by dotted name, such as model.hidden_sizes.
    """

    name: str
    end: str
    accuracy: float | None
    settings: dict[str, Any]


def runs(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        args: its options; None takes those of the process.

    Raises:
        InputError: there is no run in the folder.
    """
    parser = Parser(
        prog="python -m mnist_mlp.runs",
        description="List the runs of a folder: how each ended, its test accuracy, and the settings in which they "
        "differ.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=str,
        default="lightning_logs",
        metavar="FOLDER",
        help="The folder of the runs, or the one that holds their lightning_logs.",
    )
    folder = Path(parser.parse_args(args).folder)
    found = runs_in(folder) or runs_in(folder / "lightning_logs")
    if not found:
        raise InputError(f"there is no run in {folder}; give the folder that holds the runs, such as lightning_logs.")
    print(as_text(found))


def runs_in(folder: Path) -> list[Run]:
    """Return the runs of a folder, oldest first."""
    configs = sorted(folder.glob(f"*/{CONFIG}"), key=lambda path: (path.stat().st_mtime, path))
    return [_read_run(path.parent) for path in configs]


def as_text(found: Sequence[Run]) -> str:
    """Format the runs as a table with a column for each setting that differs."""
    names = dict.fromkeys(name for run in found for name in run.settings)
    differing = [name for name in names if len({str(run.settings.get(name)) for run in found}) > 1]
    rows = [["run", "test accuracy", "end", *differing]]
    for run in found:
        accuracy = "-" if run.accuracy is None else f"{run.accuracy:.2%}"
        values = [shorten(str(run.settings.get(name, "-")), 30, placeholder="...") for name in differing]
        rows.append([run.name, accuracy, run.end, *values])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _read_run(folder: Path) -> Run:
    """Read the settings and the outcome of a run. A resumed run has the settings of its last start."""
    config = [folder / CONFIG, *sorted(folder.glob(RESUMED_CONFIGS))][-1]
    settings = _settings(config)
    try:
        outcome = json.loads((folder / "outcome.json").read_text("utf-8"))
        accuracy = float(outcome["test_accuracy"])
        if 0 <= accuracy <= 1:
            return Run(
                folder.name, f"finished, {outcome['epochs']} epochs, {outcome['seconds']:.0f} s", accuracy, settings
            )
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        pass  # damaged, or not there
    return Run(folder.name, _end_without_outcome(folder), None, settings)


def _settings(config: Path) -> dict[str, Any]:
    """Return the settings in a config by their dotted names; none of a damaged one."""
    try:
        check_config(config)
        return dict(_leaves(yaml.safe_load(config.read_text("utf-8"))))
    except (InputError, OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}


def _end_without_outcome(folder: Path) -> str:
    """Say how far a run came that has no outcome."""
    end = "in progress" if _is_locked(folder / LOCK_FILE) else "interrupted or failed"
    path = folder / "checkpoints" / "last.ckpt"
    if not path.is_file():
        return f"{end}, no checkpoint"

    from mnist_mlp.inference.checkpoint import read_checkpoint  # imports torch, which takes seconds

    try:
        checkpoint = read_checkpoint(path)
    except InputError:
        return f"{end}, damaged last.ckpt"
    epochs = checkpoint["epoch"] + 1 if checkpoint.get("global_step") else 0
    return f"{end}, {epochs} epochs"


def _is_locked(path: Path) -> bool:
    """Whether a process holds this lock, as one that trains does."""
    lock = FileLock(path)
    if not path.is_file():
        return False
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (NotImplementedError, OSError):  # a file system without locks
        return False


def _leaves(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its dotted name."""
    for name, value in settings.items() if isinstance(settings, dict) else ():
        if isinstance(value, dict) and value and all(isinstance(key, str) for key in value):
            yield from _leaves(value, f"{prefix}{name}.")
        elif f"{prefix}{name}" not in NOT_COMPARED:
            yield f"{prefix}{name}", value


if __name__ == "__main__":
    run_command(runs)
