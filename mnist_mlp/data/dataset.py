"""Read MNIST, or another data set of the same format, into tensors.

torchvision's dataset classes read the files. This module unpacks the bundled MNIST to the place where they look. It
checks every file first, so that the error message names a damaged file.
"""

import gzip
import hashlib
import io
import math
import os
import socket
import struct
import tempfile
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
import torchvision.datasets
from torch import Tensor

from mnist_mlp.errors import InputError
from mnist_mlp.files import PART, in_use, remove_left_overs, write_atomically

DatasetName = Literal["MNIST", "FashionMNIST", "KMNIST", "QMNIST"]

# SHA-256 of the original MNIST files, unpacked (mnist/README.md).
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# QMNIST has its own file names. Each of its labels is eight 32-bit numbers, the first of which is the digit.
QMNIST_FILES = (
    "qmnist-train-images-idx3-ubyte",
    "qmnist-train-labels-idx2-int",
    "qmnist-test-images-idx3-ubyte",
    "qmnist-test-labels-idx2-int",
)
DOWNLOAD_TIMEOUT_S = 30.0
SCRATCH = "tmp"  # the beginning of the names of folders for downloads
UINT8, INT32 = 8, 12  # types of an IDX file's numbers
ITEM_BYTES = {UINT8: 1, INT32: 4}
MAX_UNPACKED_BYTES = 64 * 2**20  # more than the largest of the bundled files


class Examples(NamedTuple):
    """Images with their labels.

    images: (N, 28, 28) uint8, from 0 (paper) to 255 (ink).
    labels: (N,) int64, the digits 0 to 9.
    """

    images: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> "Examples":
        """Return the examples on a device."""
        return Examples(self.images.to(device), self.labels.to(device))


def load(name: DatasetName = "MNIST", data_dir: str | Path | None = None) -> tuple[Examples, Examples]:
    """Read a data set.

    Args:
        name: the data set.
        data_dir: a folder in torchvision's layout, `data_dir/NAME/raw/FILE`. It is only read. None: the MNIST files in
            the package; the other sets are downloaded by torchvision to the user's cache.

    Returns:
        The training examples and the test examples. QMNIST: the 10,000 test images that MNIST has, too.

    Raises:
        InputError: a file is missing, is damaged or does not match the others; a folder cannot be written; a
            download fails.
    """
    if data_dir is None:
        remove_left_overs(cache_dir(), f"{SCRATCH}*")
        remove_left_overs(cache_dir() / name / "raw", f"*{PART}")
    if data_dir is not None:
        root = Path(data_dir).expanduser()
    elif name == "MNIST":
        root = unpack_mnist(cache_dir())
    else:
        root = download(name, cache_dir())
    for images, labels in _file_pairs(name):
        _check_pair(name, root / name / "raw" / images, root / name / "raw" / labels)
    return _read(name, root, train=True), _read(name, root, train=False)


def cache_dir() -> Path:
    """Return the package's cache folder (on Linux ~/.cache/mnist_mlp, or $XDG_CACHE_HOME/mnist_mlp)."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mnist_mlp", appauthor=False))


def unpack_mnist(root: Path) -> Path:
    """Unpack the bundled MNIST to `root`/MNIST/raw, where torchvision reads it; return `root`.

    A file with the right checksum stays. Any other file is replaced atomically: processes that start at the same time
    never see half a file.

    Raises:
        InputError: a bundled file is missing or damaged, or `root` cannot be written.
    """
    raw = root / "MNIST" / "raw"
    for file, sha256 in MNIST_SHA256.items():
        path = raw / file
        if path.is_file() and _sha256(path.read_bytes()) == sha256:
            continue
        content = _bundled(file, sha256)
        try:
            raw.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise InputError(
                f"cannot unpack MNIST (55 MB) to {raw}: {error.strerror or error}; make room, make the folder "
                "writable, set XDG_CACHE_HOME to another cache, or pass a folder that already holds MNIST with "
                "--data.data_dir."
            ) from error
    return root


def download(name: DatasetName, root: Path) -> Path:
    """Download a data set with torchvision to `root`/`name`/raw, unless its files are there; return `root`.

    Raises:
        InputError: the download fails; the message says which files to put where.
    """
    target = root / name
    raw_files = [file for pair in _file_pairs(name) for file in pair]
    if all((target / "raw" / file).is_file() for file in raw_files):
        return root
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
        root.mkdir(parents=True, exist_ok=True)
        with in_use(root), tempfile.TemporaryDirectory(dir=root, prefix=SCRATCH) as scratch:
            for train in (True, False):
                _torchvision_set(name, Path(scratch), train, download=True)
            target.mkdir(exist_ok=True)
            (target / "raw").mkdir(exist_ok=True)
            for file in raw_files:
                os.replace(Path(scratch) / name / "raw" / file, target / "raw" / file)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise InputError(
            f"{name} could not be downloaded to {root} ({_first_line(error)}); put {', '.join(raw_files)} "
            f"(unpacked) into DIR/{name}/raw and pass --data.data_dir DIR."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return root


def _file_pairs(name: DatasetName) -> list[tuple[str, str]]:
    """Return the image file and the label file of the training examples, then those of the test examples."""
    names = QMNIST_FILES if name == "QMNIST" else tuple(MNIST_SHA256)
    return [(names[0], names[1]), (names[2], names[3])]


def _torchvision_set(name: DatasetName, root: Path, train: bool, download: bool) -> Any:
    """Return torchvision's dataset; of QMNIST's test images, those that MNIST has, too."""
    if name == "QMNIST":
        return torchvision.datasets.QMNIST(root, what="train" if train else "test10k", download=download)
    return getattr(torchvision.datasets, name)(root, train=train, download=download)


def _read(name: DatasetName, root: Path, train: bool) -> Examples:
    dataset = _torchvision_set(name, root, train, download=False)
    labels = dataset.targets[:, 0] if dataset.targets.ndim == 2 else dataset.targets
    labels = labels.long()
    if not 0 <= int(labels.min()) <= int(labels.max()) <= 9:
        low = f"start at {int(labels.min())} and " if labels.min() < 0 else ""
        raise InputError(
            f"the labels of {name} in {root} are not all from 0 to 9 (they {low}go up to {int(labels.max())}); "
            "use a set with ten classes."
        )
    return Examples(dataset.data, labels)


def _check_pair(name: DatasetName, images: Path, labels: Path) -> None:
    """Raise an InputError unless both files are complete and hold the same number of 28 x 28 images and labels."""
    n_images = _check_idx(images, UINT8, (28, 28), "28 x 28 images of one byte per pixel")
    if name == "QMNIST":
        n_labels = _check_idx(labels, INT32, (8,), "labels of eight 32-bit numbers each")
    else:
        n_labels = _check_idx(labels, UINT8, (), "labels of one byte each")
    if n_images != n_labels:
        raise InputError(
            f"{images} holds {n_images} images but {labels} holds {n_labels} labels; take both from the same set."
        )
    if n_images == 0:
        raise InputError(f"{images} holds no images; download it again.")


def _check_idx(path: Path, item_type: int, item_shape: tuple[int, ...], items: str) -> int:
    """Check an IDX file's header against the file's size and its items' form; return the number of items.

    The format (yann.lecun.com/exdb/mnist): two zero bytes, the type, the number of dimensions, then each dimension as
    a big-endian uint32, then the items.

    Args:
        path: the file.
        item_type: UINT8 or INT32.
        item_shape: the dimensions after the first one.
        items: what the file must hold, for the error message.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(16)
    except OSError as error:
        gzipped = path.with_name(path.name + ".gz")
        if isinstance(error, FileNotFoundError) and gzipped.is_file():
            raise InputError(f"{path} is missing, but {gzipped.name} is there; unpack that (gunzip -k).") from error
        raise InputError(
            f"cannot read {path}: {error.strerror}; --data.data_dir takes a folder in torchvision's layout, "
            "with the unpacked files in NAME/raw."
        ) from error
    item_bytes = ITEM_BYTES.get(header[2]) if len(header) >= 8 and header[:2] == b"\0\0" else None
    n_dims = header[3] if item_bytes else 0
    if item_bytes is None or not 1 <= n_dims <= 3 or len(header) < 4 + 4 * n_dims:
        raise InputError(f"{path} is not an IDX file (its header is wrong); download it again.")
    shape = struct.unpack(f">{n_dims}I", header[4 : 4 + 4 * n_dims])
    expected = 4 + 4 * n_dims + item_bytes * math.prod(shape)
    if size != expected:
        raise InputError(f"{path} is {size} bytes but its header says {expected}; download it again.")
    if (header[2], shape[1:]) != (item_type, item_shape):
        held = f"items of shape {shape[1:]} and {item_bytes} bytes per number"
        raise InputError(f"{path} holds {held}, not {items}; use a set of MNIST's format.")
    return int(shape[0])


def _bundled(file: str, sha256: str) -> bytes:
    """Return the unpacked content of one of the package's MNIST files."""
    source = files("mnist_mlp") / "mnist" / f"{file}.gz"
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(source.read_bytes())) as unpacked:
            content = unpacked.read(MAX_UNPACKED_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{source} is missing or damaged ({error}); reinstall mnist_mlp.") from error
    if _sha256(content) != sha256:
        raise InputError(f"{source} is not the original MNIST (its SHA-256 differs); reinstall mnist_mlp.")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
