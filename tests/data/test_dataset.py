"""Files to tensors: the bundled MNIST is the original, and folders, downloads and damaged files are handled."""

import hashlib
import multiprocessing
import shutil
import struct
from pathlib import Path

import pytest
import torch

import mnist_mlp
import mnist_mlp.data.dataset
from mnist_mlp.data.dataset import MNIST_SHA256, DatasetName, Examples, load, unpack_mnist
from mnist_mlp.errors import InputError

# Of the original files, unpacked.
MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def test_unpacked_files_are_the_original(tmp_path: Path) -> None:
    raw = unpack_mnist(tmp_path) / "MNIST" / "raw"
    assert {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in raw.iterdir()} == MNIST_MD5
    readme = (Path(mnist_mlp.__file__).parent / "mnist" / "README.md").read_text()
    for name in MNIST_MD5:
        assert MNIST_MD5[name] in readme
        assert MNIST_SHA256[name] in readme


def test_shapes_and_class_counts(mnist: tuple[Examples, Examples]) -> None:
    """They are those of the original MNIST."""
    train, test = mnist
    assert (train.images.shape, train.images.dtype) == ((60_000, 28, 28), torch.uint8)
    assert (test.images.shape, test.labels.dtype) == ((10_000, 28, 28), torch.int64)
    assert train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_first_and_last_images(mnist: tuple[Examples, Examples]) -> None:
    train, test = mnist
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.labels[-3:].tolist() == [5, 6, 8]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert test.labels[-3:].tolist() == [4, 5, 6]
    # The first row with ink of the first training image.
    assert train.images[0, 5, 12:24].tolist() == [3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127]
    assert (train.images[0] > 0).sum() == 166


def unpack_in_a_process(root: Path) -> None:
    """Unpack MNIST; a process needs a function of this module."""
    unpack_mnist(root)


def test_processes_can_unpack_at_the_same_time(tmp_path: Path) -> None:
    """Afterwards every file is complete, and no temporary file is left."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=unpack_in_a_process, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    raw = tmp_path / "MNIST" / "raw"
    assert {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in raw.iterdir()} == MNIST_SHA256


def test_a_damaged_file_in_the_cache_is_replaced(tmp_path: Path) -> None:
    raw = unpack_mnist(tmp_path) / "MNIST" / "raw"
    path = raw / "t10k-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1  # one bit, the size unchanged
    path.write_bytes(bytes(content))
    unpack_mnist(tmp_path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == MNIST_SHA256[path.name]


def idx(type_code: int, shape: tuple[int, ...], content: bytes) -> bytes:
    """Return the content of an IDX file."""
    return bytes([0, 0, type_code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


@pytest.mark.parametrize("name", ["FashionMNIST", "KMNIST", "QMNIST"])
def test_other_data_sets_are_read_from_a_folder(tmp_path: Path, name: DatasetName) -> None:
    """The folder has torchvision's layout, three training and two test images. QMNIST's first column is the digit."""
    raw = tmp_path / name / "raw"
    raw.mkdir(parents=True)
    for (images, labels), count in zip(mnist_mlp.data.dataset._file_pairs(name), (3, 2), strict=True):
        pixels = bytes(i % 251 for i in range(count * 784))
        (raw / images).write_bytes(idx(8, (count, 28, 28), pixels))
        if name == "QMNIST":
            rows = [n for i in range(count) for n in (9 - i, 4, 100 + i, 0, 0, 0, 0, 0)]
            (raw / labels).write_bytes(idx(12, (count, 8), struct.pack(f">{len(rows)}i", *rows)))
        else:
            (raw / labels).write_bytes(idx(8, (count,), bytes(9 - i for i in range(count))))
    train, test = load(name, tmp_path)
    assert train.labels.tolist() == [9, 8, 7]
    assert test.labels.tolist() == [9, 8]
    assert train.images.shape == (3, 28, 28)
    assert train.images[0, 0, :4].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("train-images-idx3-ubyte", idx(12, (3, 28, 28), bytes(3 * 28 * 28 * 4)), "not 28 x 28 images of one byte"),
        ("train-labels-idx1-ubyte", idx(12, (3,), bytes(12)), "not labels of one byte each"),
        ("train-labels-idx1-ubyte", idx(8, (3, 1), bytes(3)), "not labels of one byte each"),
        ("train-labels-idx1-ubyte", idx(8, (2**31, 2**31, 4), b""), "its header says 18446744073709551632"),
    ],
)
def test_files_of_another_form_raise_an_error(tmp_path: Path, file: str, content: bytes, words: str) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, items in (("images-idx3", (3, 28, 28)), ("labels-idx1", (3,))):
        for part in ("train", "t10k"):
            (raw / f"{part}-{name}-ubyte").write_bytes(idx(8, items, bytes(torch.Size(items).numel())))
    load("MNIST", tmp_path)
    (raw / file).write_bytes(content)
    with pytest.raises(InputError, match=words):
        load("MNIST", tmp_path)


def test_a_set_without_images_raises_an_error(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(idx(8, (0, 28, 28), b""))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(idx(8, (0,), b""))
    with pytest.raises(InputError, match="holds no images"):
        load("MNIST", tmp_path)


def test_labels_above_nine_raise_an_error(tmp_path: Path) -> None:
    shutil.copytree(unpack_mnist(tmp_path / "good"), tmp_path / "bad")
    path = tmp_path / "bad" / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[8] = 25
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="up to 25"):
        load("MNIST", tmp_path / "bad")


def test_data_sets_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complete download is moved into place. A stub of torchvision stands for the network."""
    downloaded = []

    def fake_download(name: DatasetName, root: Path, train: bool, download: bool) -> None:
        assert download
        downloaded.append(train)
        raw = root / name / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for file in mnist_mlp.data.dataset._file_pairs(name)[0 if train else 1]:
            (raw / file).write_bytes(b"content")

    monkeypatch.setattr(mnist_mlp.data.dataset, "_torchvision_set", fake_download)
    for _ in range(2):
        assert mnist_mlp.data.dataset.download("KMNIST", tmp_path) == tmp_path
    assert downloaded == [True, False]  # nothing the second time
    assert sorted(p.name for p in tmp_path.iterdir()) == ["KMNIST"]
    assert len(list((tmp_path / "KMNIST" / "raw").iterdir())) == 4
