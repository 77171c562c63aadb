"""Atomic file writes, and what a killed process leaves of them."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PART = ".part"  # the suffix of a file that is being written


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that readers never see half of it, even after a crash: `path` has its old content or the new.

    Raises:
        OSError: the file cannot be written; `path` is unchanged.
    """
    with replacing(path) as part:
        part.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty file in the same folder. It replaces `path` at the end, unless an error is raised.

    The content is on the disk before the name changes (fsync), so that a power failure leaves the old file or the new.

    Raises:
        OSError: the file cannot be written; `path` is unchanged.
    """
    with in_use(path.parent):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=PART)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep `remove_left_overs` of other processes away from a folder. The system ends this when the process dies."""
    with _locked(folder, wait=True):
        yield


def remove_left_overs(folder: Path, pattern: str) -> None:
    """Delete what killed processes left in a folder, unless a process is writing there now.

    Args:
        folder: the folder; nothing happens if it is missing or cannot be locked.
        pattern: the names of files and folders to delete, such as "*.part".
    """
    if not any(folder.glob(pattern)):
        return
    with suppress(OSError), _locked(folder, wait=False):
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


@contextmanager
def _locked(folder: Path, wait: bool) -> Iterator[None]:
    """Lock a folder: shared between all who wait for it, or exclusively without waiting.

    Windows has no such lock. There the system refuses to delete files that are open.

    Raises:
        OSError: the folder is locked and `wait` is False; the folder cannot be opened.
    """
    if sys.platform == "win32":
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if wait:
            with suppress(OSError):  # a file system without locks, which then gives none to `remove_left_overs` either
                fcntl.flock(handle, fcntl.LOCK_SH)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Write the names of a folder to the disk. Some systems cannot, which only matters in a power failure."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
