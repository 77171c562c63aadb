"""Read MNIST, or another data set of the same format, into tensors.

The bundled MNIST is unpacked to the user's cache, in torchvision's layout. torchvision downloads the other sets there.
"""

import gzip
import hashlib
import io
import os
import socket
import tempfile
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Literal, NamedTuple

import torch
import torchvision.datasets
from torch import Tensor

from mnist_mlp.data.idx import INT32, UINT8, find_files, read_idx
from mnist_mlp.errors import InputError
from mnist_mlp.files import PART, in_use, remove_left_overs, write_atomically

DatasetName = Literal["MNIST", "FashionMNIST", "KMNIST", "QMNIST", "folder"]

# SHA-256 of the original MNIST files, unpacked (mnist/README.md).
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# QMNIST has its own file names. Each of its labels is eight 32-bit numbers, the first of which is the digit. Its first
# 10,000 test images are MNIST's.
QMNIST_FILES = (
    "qmnist-train-images-idx3-ubyte",
    "qmnist-train-labels-idx2-int",
    "qmnist-test-images-idx3-ubyte",
    "qmnist-test-labels-idx2-int",
)
DOWNLOAD_TIMEOUT_S = 30.0
SCRATCH = "tmp"  # the beginning of the names of folders for downloads
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
    """Read a data set of MNIST's format. data/folder.py reads pictures.

    Args:
        name: the data set.
        data_dir: a folder with the four IDX files, as `find_files` in data/idx.py looks for them. It is only read.
            None: the MNIST files in the package; the other sets are downloaded by torchvision to the user's cache.

    Returns:
        The training examples and the test examples. QMNIST: the 10,000 test images that MNIST has, too.

    Raises:
        InputError: a file is missing, is damaged or does not match the others; a folder cannot be written; a
            download fails.
    """
    if data_dir is not None:
        root = Path(os.path.expanduser(data_dir))  # Path.expanduser raises where there is no such home folder
    else:
        remove_left_overs(cache_dir(), f"{SCRATCH}*")
        remove_left_overs(cache_dir() / name / "raw", f"*{PART}")
        root = unpack_mnist(cache_dir()) if name == "MNIST" else download(name, cache_dir())
    paths = find_files(root, name, file_names(name))
    train, test = _read(name, *paths[:2]), _read(name, *paths[2:])
    return train, Examples(test.images[:10_000], test.labels[:10_000]) if name == "QMNIST" else test


def cache_dir() -> Path:
    """Return the package's cache folder (on Linux ~/.cache/mnist_mlp, or $XDG_CACHE_HOME/mnist_mlp).

    Raises:
        InputError: the user has no home folder, as in some containers.
    """
    import platformdirs

    try:
        folder = platformdirs.user_cache_dir("mnist_mlp", appauthor=False)
    except RuntimeError:
        folder = "~"  # as older versions of platformdirs leave it
    if folder.startswith("~"):
        raise InputError(
            "this user has no home folder to unpack MNIST in; set HOME or XDG_CACHE_HOME, or pass a folder that holds "
            "MNIST with --data.data_dir."
        )
    return Path(folder)


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
    raw_files = file_names(name)
    if all((target / "raw" / file).is_file() for file in raw_files):
        return root
    timeout = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_S)
        root.mkdir(parents=True, exist_ok=True)
        with in_use(root), tempfile.TemporaryDirectory(dir=root, prefix=SCRATCH) as scratch:
            for train in (True, False):
                _download_with_torchvision(name, Path(scratch), train)
            target.mkdir(exist_ok=True)
            (target / "raw").mkdir(exist_ok=True)
            for file in raw_files:
                os.replace(Path(scratch) / name / "raw" / file, target / "raw" / file)
    except (OSError, RuntimeError) as error:  # URLError is an OSError
        raise InputError(
            f"{name} could not be downloaded to {root} ({_first_line(error)}); put {', '.join(raw_files)}, "
            f"gzipped or not, into DIR/{name}/raw or DIR and pass --data.data_dir DIR."
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
    return root


def file_names(name: DatasetName) -> tuple[str, ...]:
    """Return the names of the training images, the training labels, the test images and the test labels."""
    return QMNIST_FILES if name == "QMNIST" else tuple(MNIST_SHA256)


def _download_with_torchvision(name: DatasetName, root: Path, train: bool) -> None:
    """Download the training or the test files, and unpack them."""
    if name == "QMNIST":
        torchvision.datasets.QMNIST(root, what="train" if train else "test10k", download=True)
    else:
        getattr(torchvision.datasets, name)(root, train=train, download=True)


def _read(name: DatasetName, image_file: Path, label_file: Path) -> Examples:
    """Read images and their labels.

    Raises:
        InputError: a file is damaged or of another form, or the two do not belong together.
    """
    images = read_idx(image_file, UINT8, (28, 28), "28 x 28 images of one byte per pixel")
    if name == "QMNIST":
        labels = read_idx(label_file, INT32, (8,), "labels of eight 32-bit numbers each")[:, 0]
    else:
        labels = read_idx(label_file, UINT8, (), "labels of one byte each")
    if len(images) != len(labels):
        raise InputError(
            f"{image_file} holds {len(images)} images but {label_file} holds {len(labels)} labels; "
            "take both from the same set."
        )
    if len(images) == 0:
        raise InputError(f"{image_file} holds no images; download it again.")
    low, high = int(labels.min()), int(labels.max())
    if not 0 <= low <= high <= 9:
        start = f"start at {low} and " if low < 0 else ""
        raise InputError(
            f"the labels in {label_file} are not all from 0 to 9 (they {start}go up to {high}); "
            "use a set with ten classes."
        )
    return Examples(torch.from_numpy(images), torch.from_numpy(labels.astype("int64")))


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
