"""Find a trained net: the pretrained one, or a checkpoint of a run in ./lightning_logs."""

import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from mnist_mlp.errors import InputError
from mnist_mlp.inference.load import SAFETENSORS, load_net
from mnist_mlp.inference.trained import Trained

RUNS = Path("lightning_logs")


def run_folder(ckpt_path: str | Path | None) -> Path | None:
    """Return the folder RUN of a checkpoint RUN/checkpoints/FILE; None if there is no RUN/config.yaml."""
    if ckpt_path is None:
        return None
    folder = Path(ckpt_path).resolve().parent
    run = folder.parent
    return run if folder.name == "checkpoints" and (run / "config.yaml").is_file() else None


def find_net(prefer_own_runs: bool = False) -> Path:
    """Return the pretrained net; without one, the newest best.ckpt in ./lightning_logs.

    If no run has a best.ckpt, because none has a validation split, it is the newest last.ckpt.

    Args:
        prefer_own_runs: look for a checkpoint first, and for the pretrained net only if there is none. For commands
            that are mostly used right after training.

    Raises:
        InputError: there is neither.
    """
    checkpoints = [_oldest_first(RUNS.glob(f"*/checkpoints/{name}.ckpt")) for name in ("best", "last")]
    pretrained = nets_of_the_package()
    for found in [*checkpoints, pretrained] if prefer_own_runs else [pretrained, *checkpoints]:
        if found:
            return found[-1]
    raise InputError(
        f"there is no run in {RUNS.resolve()}; train a net with `python -m mnist_mlp.train`, or name one with --ckpt."
    )


def nets_of_the_package() -> list[Path]:
    """Return the pretrained nets of the package, sorted by name. The last one is the default."""
    return sorted(Path(str(files("mnist_mlp") / "pretrained")).glob(f"*{SAFETENSORS}"))


def _oldest_first(paths: Iterable[Path]) -> list[Path]:
    ages = []
    for path in paths:
        with suppress(OSError):  # a run in progress may just have replaced the file
            ages.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(ages)]


def named_or_found_net(path: str | Path | None, prefer_own_runs: bool = False) -> Trained:
    """Load the net of a command's --ckpt. If the option was left out, load `find_net`'s and print its path to stderr.

    Raises:
        InputError: as `load_net` and `find_net`.
    """
    if path is None:
        path = find_net(prefer_own_runs)
        print(f"mnist_mlp: the net is {path}", file=sys.stderr)
    return load_net(path)
