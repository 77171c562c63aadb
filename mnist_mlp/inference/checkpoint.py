"""Read a checkpoint file: nothing in it runs code, is larger than the file, or raises anything but an InputError."""

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mnist_mlp.errors import InputError
from mnist_mlp.inference.resumable import is_count

MAX_DEPTH = 100  # of nested dicts and lists in a checkpoint
# What a pickle could take any amount of memory with. torch.load refuses all that could run code.
FORBIDDEN = re.compile(r"\bbytearray\b|\btorch\._utils _rebuild_(?!(tensor_v2|parameter)\b)")


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a Lightning checkpoint. It may hold only tensors and plain values, so reading it cannot run code.

    Raises:
        InputError: the file is missing, damaged, or not a checkpoint of a net.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; runs keep theirs in lightning_logs/version_N/checkpoints.")
    with damage(path, "checkpoint"):
        pickled = _checked_archive(path)
        if FORBIDDEN.search(" ".join(_globals(pickled))):
            raise _runs_code(path)
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise _runs_code(path) from error
        check_plain(checkpoint, path.stat().st_size)
    counts = [checkpoint[name] for name in ("epoch", "global_step") if name in checkpoint]
    if "state_dict" not in checkpoint or not all(is_count(count) for count in counts):
        raise InputError(f"{path} is not a checkpoint of a net of this project; give one that it wrote.")
    return checkpoint


@contextmanager
def damage(path: Path, kind: str) -> Iterator[None]:
    """Turn any error of the libraries that read a file into an InputError: on damaged files they raise many kinds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of pickles by other programs, and of odd tensors
            yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{path} is damaged or no {kind}; give another one.") from error


def _runs_code(path: Path) -> InputError:
    return InputError(
        f"{path} holds more than weights and settings, which could run code, so it is not loaded; "
        "give a checkpoint that this project wrote."
    )


def _checked_archive(path: Path) -> bytes:
    """Check the zip file that torch.save writes: its checksums, and that nothing in it is larger than the file.

    Returns:
        Its pickled structure, without the tensors' numbers.

    Raises:
        ValueError: a checksum is wrong, a member is compressed, or there is more or less than one structure.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        sizes = sum(member.file_size for member in members)
        if any(member.compress_type != zipfile.ZIP_STORED for member in members) or sizes > path.stat().st_size:
            raise ValueError("compressed")
        if archive.testzip() is not None:
            raise ValueError("a checksum is wrong")
        (structure,) = (member for member in members if member.filename.endswith("/data.pkl"))
        return archive.read(structure)


def _globals(pickled: bytes) -> Iterator[str]:
    """Yield the names of all functions and classes that a pickle asks for, as MODULE NAME."""
    for operation, argument, _ in pickletools.genops(pickled):
        if operation.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif operation.name == "STACK_GLOBAL":
            raise ValueError("not a pickle of torch.save")


def check_plain(checkpoint: Any, file_size: int) -> None:
    """Check that a structure is no larger than its file, which holds for all that a run writes.

    A pickle can refer to one value many times, and a tensor to one number, so a small file can stand for terabytes.

    Raises:
        ValueError: it is too large, or nested too deeply, or the tensors are of an odd kind, or it is no dict.
    """
    if not isinstance(checkpoint, dict):
        raise ValueError("no dict")
    values, n_values = [(checkpoint, 0)], 0
    while values:
        value, depth = values.pop()
        n_values += 1
        if n_values > file_size or depth > MAX_DEPTH:
            raise ValueError("more values than bytes")
        if isinstance(value, dict):
            values += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, (list, tuple, set)):
            values += [(inner, depth + 1) for inner in value]
        elif isinstance(value, Tensor):
            plain = value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized
            if not plain or value.nbytes > file_size:
                raise ValueError("no plain tensor")
