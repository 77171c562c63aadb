"""TODO inference.find."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from mnist_mlp.errors import InputError
from mnist_mlp.inference.load import SAFETENSORS, load_net
from mnist_mlp.inference.trained import Trained


def run_folder(ckpt_path: str | Path | None) -> Path | None:
    """The folder of the run that wrote a checkpoint: RUN/checkpoints/FILE, with RUN/config.yaml beside."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).resolve().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and (run / "config.yaml").is_file() else None


RUNS = Path("lightning_logs")


def find_net(prefer_own_runs: bool = False) -> Path:
    """The net that comes with the package; else the best checkpoint of the newest run in ./lightning_logs.

    Where no run has a best.ckpt, because none was validated, it is the newest last.ckpt.

    Args:
        prefer_own_runs: the other way round, for the commands that are about what has just been trained.

    Raises:
        InputError: there is neither.
    """
    own = [_by_age(RUNS.glob(f"*/checkpoints/{name}.ckpt")) for name in ("best", "last")]
    package = nets_of_the_package()
    for found in [*own, package] if prefer_own_runs else [package, *own]:
        if found:
            return found[-1]
    raise InputError(
        f"there is no run in {RUNS.resolve()}; train a net with `python -m mnist_mlp.train`, or name one with --ckpt."
    )


def nets_of_the_package() -> list[Path]:
    """The nets that come with the package; of several, the last is taken."""
    return sorted(Path(str(files("mnist_mlp") / "pretrained")).glob(f"*{SAFETENSORS}"))


def checkpoints_of_runs() -> list[Path]:
    """All checkpoints in ./lightning_logs, the newest first."""
    return _by_age(RUNS.glob("*/checkpoints/*.ckpt"))[::-1]


def _by_age(paths: Iterable[Path]) -> list[Path]:
    ages = []
    for path in paths:
        with suppress(OSError):  # a run that goes on has just replaced it
            ages.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(ages)]


def named_or_found_net(path: str | Path | None, prefer_own_runs: bool = False) -> Trained:
    """The net of a command's --ckpt; if that was left out, `find_net`'s, of which stderr is told.

    Raises:
        InputError: as `load_net` and `find_net`.
    """
    if path is None:
        path = find_net(prefer_own_runs)
        print(f"mnist_mlp: the net is {path}", file=sys.stderr)
    return load_net(path)
