"""Read IDX files, the format of MNIST (yann.lecun.com/exdb/mnist), as people have them: gzipped or not.

A file holds two zero bytes, the type of its numbers, the number of its dimensions, each dimension as a big-endian
uint32, and then the numbers.
"""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnist_mlp.errors import InputError

UINT8, INT32 = 8, 12  # types of an IDX file's numbers
DTYPES: dict[int, np.dtype[Any]] = {UINT8: np.dtype(np.uint8), INT32: np.dtype(">i4")}
GZIPPED = b"\x1f\x8b"  # the first bytes of a gzip file
MAX_UNPACKED_BYTES = 256 * 2**20  # of a gzipped file; MNIST's largest file has 47 MB


def find_files(folder: Path, name: str, files: tuple[str, ...]) -> list[Path]:
    """Return the paths of a data set's files.

    torchvision's layout is `folder`/NAME/raw. `folder`/NAME, `folder`/raw and `folder` itself are also taken. All files
    come from the first of these that holds any of them, so that two data sets are never mixed. If a file is there more
    than once, the order is: `train-images-idx3-ubyte`, `train-images.idx3-ubyte` as on the original site, and the same
    two with `.gz`.

    Raises:
        InputError: a file is missing. The message lists what was looked for.
    """
    places = [folder / name / "raw", folder / name, folder / "raw", folder]
    found = {place: [_spelled(place, file) for file in files] for place in places}
    place = next((place for place in places if any(found[place])), None)
    if place is None:
        others = ", ".join(str(place) for place in places[1:-1])
        raise InputError(
            f"there is no {places[0] / files[0]}, and none of the set's four files is in {others} or {folder}; give "
            f"--data.data_dir a folder with {', '.join(files)}, gzipped or not."
        )
    for file, path in zip(files, found[place], strict=True):
        if path is None:
            spelled = ", ".join(_spellings(file)[1:])
            raise InputError(f"there is no {place / file}, nor {spelled}; put it beside the set's other files.")
    return [path for path in found[place] if path is not None]


def _spelled(place: Path, file: str) -> Path | None:
    """Return the path of a file in whichever spelling is there."""
    return next((place / spelling for spelling in _spellings(file) if (place / spelling).is_file()), None)


def _spellings(file: str) -> list[str]:
    dotted = file.replace("-idx", ".idx")
    return [file, dotted, f"{file}.gz", f"{dotted}.gz"]


def read_idx(path: Path, item_type: int, item_shape: tuple[int, ...], items: str) -> NDArray[Any]:
    """Read an IDX file. Whether it is gzipped follows from its content, because browsers unpack some downloads.

    Args:
        path: the file.
        item_type: UINT8 or INT32.
        item_shape: the dimensions after the first one.
        items: what the file must hold, for the error message.

    Returns:
        (N, *item_shape), in the file's byte order.

    Raises:
        InputError: the file cannot be read, or is damaged, too large or of another form.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == GZIPPED
            size = None if packed else path.stat().st_size
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if packed else raw as file:
                shape, start = _shape(path, file.read(16), size, item_type, item_shape, items)
                content = bytearray(DTYPES[item_type].itemsize * math.prod(shape))
                file.seek(start)
                complete = file.readinto(content) == len(content) and not file.read(1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path} ({reason}); download it again.") from error
    if not complete:
        raise InputError(f"{path} is not as long as its header says; download it again.")
    return np.frombuffer(content, DTYPES[item_type]).reshape(shape)


def _shape(
    path: Path, header: bytes, size: int | None, item_type: int, item_shape: tuple[int, ...], items: str
) -> tuple[tuple[int, ...], int]:
    """Check a header, before any memory is allocated for what it announces.

    Args:
        path: the file.
        header: its first 16 bytes; fewer if it is shorter.
        size: the size of the file in bytes; None if it is gzipped.
        item_type: as in `read_idx`, and so are `item_shape` and `items`.

    Returns:
        The dimensions, and the place of the first number.
    """
    dtype = DTYPES.get(header[2]) if len(header) >= 8 and header[:2] == b"\0\0" else None
    n_dims = header[3] if dtype is not None else 0
    if dtype is None or not 1 <= n_dims <= 3 or len(header) < 4 + 4 * n_dims:
        raise InputError(f"{path} is not an IDX file (its header is wrong); download it again.")
    shape = struct.unpack(f">{n_dims}I", header[4 : 4 + 4 * n_dims])
    expected = 4 + 4 * n_dims + dtype.itemsize * math.prod(shape)
    if size is not None and size != expected:
        raise InputError(f"{path} is {size} bytes but its header says {expected}; download it again.")
    if (header[2], shape[1:]) != (item_type, item_shape):
        held = f"items of shape {shape[1:]} and {dtype.itemsize} bytes per number"
        raise InputError(f"{path} holds {held}, not {items}; use a set of MNIST's format.")
    if size is None and expected > MAX_UNPACKED_BYTES:
        raise InputError(
            f"{path} unpacks to {expected} bytes, more than the {MAX_UNPACKED_BYTES // 2**20} MiB that are read from a "
            "gzipped file; unpack it first (gunzip -k), or download it again."
        )
    return shape, 4 + 4 * n_dims
