"""The lock of a run's folder: only one process at a time continues a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mnist_mlp.errors import InputError
from mnist_mlp.files import PART, remove_left_overs

LOCK_FILE = ".lock"


@contextmanager
def run_lock(run: Path | None) -> Iterator[None]:
    """Hold the lock of a run's folder, and delete what a killed process left there.

    The system releases the lock of a process that dies. A file system without locks is used without one.

    Args:
        run: the folder, which exists; None for a run without a folder, which needs no lock.

    Raises:
        InputError: another process holds the lock.
    """
    if run is None:
        yield
        return
    lock = FileLock(run / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"another process is training the run {run}; wait for its end, or stop it, before you resume the run."
        ) from error
    except (NotImplementedError, OSError):
        pass
    try:
        for folder in (run, run / "checkpoints", run / "snapshots"):
            remove_left_overs(folder, f"*{PART}")
        yield
    finally:
        lock.release()
