"""IDX files are read from every layout and spelling that people have, and unusable ones raise an InputError."""

import gzip
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from mnist_mlp.data.dataset import DatasetName, Examples, file_names, load
from mnist_mlp.errors import InputError
from mnist_mlp.inference.load import load_net
from tests.command import SMALL, RunHere
from tests.data.helpers import idx

PLACES = ("FashionMNIST/raw", "FashionMNIST", "raw", ".")
SPELLINGS: dict[str, Callable[[str], str]] = {
    "dashes": lambda file: file,
    "dots": lambda file: file.replace("-idx", ".idx"),
    "dashes, gzipped": lambda file: f"{file}.gz",
    "dots, gzipped": lambda file: f"{file.replace('-idx', '.idx')}.gz",
}


def contents(mnist: tuple[Examples, Examples], n: int = 3) -> dict[str, bytes]:
    """Return the content of the four files of a set with `n` real images each for training and test, by name."""
    files = {}
    for part, (images, labels) in zip(("train", "t10k"), mnist, strict=True):
        files[f"{part}-images-idx3-ubyte"] = idx(8, (n, 28, 28), images[:n].numpy().tobytes())
        files[f"{part}-labels-idx1-ubyte"] = idx(8, (n,), labels[:n].to(torch.uint8).numpy().tobytes())
    return files


def write(folder: Path, files: dict[str, bytes], spelling: Callable[[str], str] = str) -> None:
    """Write files, gzipped if their spelled name says so."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in files.items():
        name = spelling(file)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def assert_read(folder: Path, mnist: tuple[Examples, Examples], n: int = 3) -> None:
    """The set in the folder has the first `n` images of MNIST."""
    for examples, originals in zip(load("FashionMNIST", folder), mnist, strict=True):
        assert examples.images.equal(originals.images[:n])
        assert examples.labels.equal(originals.labels[:n])
        assert (examples.images.dtype, examples.labels.dtype) == (torch.uint8, torch.int64)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_layout_and_spelling(tmp_path: Path, mnist: tuple[Examples, Examples], place: str, spelling: str) -> None:
    """The folder is only read."""
    write(tmp_path / place, contents(mnist), SPELLINGS[spelling])
    before = {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*")}
    assert_read(tmp_path, mnist)
    assert {path: os.stat(path).st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_spellings_can_be_mixed(tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    for (file, content), spelling in zip(contents(mnist).items(), SPELLINGS.values(), strict=True):
        write(tmp_path, {file: content}, spelling)
    assert_read(tmp_path, mnist)


def test_the_content_says_whether_a_file_is_gzipped(tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    """Browsers unpack some downloads and keep the name, or the other way round."""
    for name, content in contents(mnist).items():
        labels = "labels" in name
        (tmp_path / (name if labels else f"{name}.gz")).write_bytes(gzip.compress(content) if labels else content)
    assert_read(tmp_path, mnist)


def test_unpacked_files_and_torchvisions_layout_come_first(tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    write(tmp_path, contents(mnist, 9))
    write(tmp_path / "FashionMNIST/raw", contents(mnist, 5), SPELLINGS["dots, gzipped"])
    assert_read(tmp_path, mnist, 5)
    write(tmp_path / "FashionMNIST/raw", contents(mnist, 4), SPELLINGS["dashes, gzipped"])
    assert_read(tmp_path, mnist, 4)
    write(tmp_path / "FashionMNIST/raw", contents(mnist, 3), SPELLINGS["dots"])
    assert_read(tmp_path, mnist, 3)
    write(tmp_path / "FashionMNIST/raw", contents(mnist, 2), SPELLINGS["dashes"])
    assert_read(tmp_path, mnist, 2)


def test_two_sets_are_never_mixed(tmp_path: Path, mnist: tuple[Examples, Examples]) -> None:
    """A file that is missing in torchvision's layout is not taken from another folder, which may hold another set."""
    write(tmp_path, contents(mnist))
    files = contents(mnist)
    del files["t10k-labels-idx1-ubyte"]
    write(tmp_path / "FashionMNIST/raw", files)
    with pytest.raises(InputError, match=r"FashionMNIST/raw/t10k-labels-idx1-ubyte, nor t10k-labels\.idx1-ubyte, "):
        load("FashionMNIST", tmp_path)


def test_the_error_lists_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load("FashionMNIST", tmp_path)
    for part in (*(f"{tmp_path / place}" for place in PLACES), *file_names("FashionMNIST"), "gzipped"):
        assert re.search(rf"{re.escape(part)}[ ,;/]", str(error.value)), part


def test_qmnist(tmp_path: Path) -> None:
    """The first of a label's eight numbers is the digit. Of the 60,000 test images, the first 10,000 are taken."""
    n_test = 10_003
    for file, n in zip(file_names("QMNIST"), (3, 3, n_test, n_test), strict=True):
        if "images" in file:
            content = idx(8, (n, 28, 28), bytes(i % 251 for i in range(784)) * n)
        else:
            rows = [number for i in range(n) for number in ((9 - i) % 10, 4, 100 + i, 0, 0, 0, 0, 0)]
            content = idx(12, (n, 8), struct.pack(f">{len(rows)}i", *rows))
        (tmp_path / f"{file}.gz").write_bytes(gzip.compress(content, 1))
    train, test = load("QMNIST", tmp_path)
    assert train.labels.tolist() == [9, 8, 7]
    assert train.images[0, 0, :4].tolist() == [0, 1, 2, 3]
    assert test.images.shape == (10_000, 28, 28)
    assert test.labels[:3].tolist() == [9, 8, 7]
    assert len(test.labels) == 10_000


BAD_FILES: list[tuple[str, bytes, str]] = [
    ("train-images-idx3-ubyte", idx(12, (3, 28, 28), bytes(3 * 28 * 28 * 4)), "not 28 x 28 images of one byte"),
    ("train-labels-idx1-ubyte", idx(12, (3,), bytes(12)), "not labels of one byte each"),
    ("train-labels-idx1-ubyte", idx(8, (3, 1), bytes(3)), "not labels of one byte each"),
    ("train-labels-idx1-ubyte", idx(8, (2**31, 2**31, 4), b""), "its header says 18446744073709551632"),
    ("train-labels-idx1-ubyte", idx(8, (3,), bytes([0, 25, 1])), "up to 25"),
    ("train-labels-idx1-ubyte", idx(8, (2,), bytes(2)), "holds 3 images but .* holds 2 labels"),
    ("train-labels-idx1-ubyte", gzip.compress(idx(8, (3,), bytes(2))), "not as long as its header says"),
    ("train-labels-idx1-ubyte", gzip.compress(idx(8, (3,), bytes(4))), "not as long as its header says"),
    ("train-labels-idx1-ubyte", gzip.compress(idx(8, (3,), bytes(3)))[:-8], "cannot read .*train-labels"),
    ("train-labels-idx1-ubyte", gzip.compress(b"text"), "not an IDX file"),
    ("train-images-idx3-ubyte", gzip.compress(idx(8, (10**6, 28, 28), b"")), "more than the 256 MiB"),
]


@pytest.mark.parametrize(("file", "content", "words"), BAD_FILES, ids=[words for *_, words in BAD_FILES])
def test_files_of_another_form_raise_an_error(
    tmp_path: Path, mnist: tuple[Examples, Examples], file: str, content: bytes, words: str
) -> None:
    write(tmp_path, contents(mnist))
    load("MNIST", tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InputError, match=words):
        load("MNIST", tmp_path)


@pytest.mark.parametrize("name", ["MNIST", "KMNIST"])
def test_a_set_without_images_raises_an_error(
    tmp_path: Path, mnist: tuple[Examples, Examples], name: DatasetName
) -> None:
    write(tmp_path, contents(mnist, 0))
    with pytest.raises(InputError, match="holds no images"):
        load(name, tmp_path)


def test_gzipped_files_in_a_flat_folder_train(
    run_here: RunHere, tmp_path: Path, mnist: tuple[Examples, Examples]
) -> None:
    """The files are named as FashionMNIST's are; the images are MNIST's. The net gets FashionMNIST's class names."""
    write(tmp_path / "data", contents(mnist, 600), SPELLINGS["dashes, gzipped"])
    options = [*SMALL, "--data.val_size", "100", "--pictures", "false"]
    result = run_here(*options, "--data.dataset", "FashionMNIST", "--data.data_dir", "data")
    assert result.returncode == 0, result.stderr
    trained = load_net(tmp_path / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt")
    assert trained.class_names is not None
    assert trained.class_names[1] == "trouser"
