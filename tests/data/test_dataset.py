"""The bundled MNIST is the original, is unpacked safely and read right; other sets are downloaded once."""

import hashlib
import multiprocessing
from pathlib import Path

import pytest
import torch
import torchvision.datasets

import mnist_mlp
import mnist_mlp.data.dataset
from mnist_mlp.data.dataset import MNIST_SHA256, DatasetName, Examples, cache_dir, file_names, unpack_mnist

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


def test_examples_are_those_that_torchvision_reads(mnist: tuple[Examples, Examples]) -> None:
    unpack_mnist(cache_dir())
    for examples, train in zip(mnist, (True, False), strict=True):
        dataset = torchvision.datasets.MNIST(cache_dir(), train=train)
        assert examples.images.equal(dataset.data)
        assert examples.labels.equal(dataset.targets)


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


def test_data_sets_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The complete download is moved into place. A stub of torchvision stands for the network."""
    downloaded = []

    def fake_download(name: DatasetName, root: Path, train: bool) -> None:
        downloaded.append(train)
        raw = root / name / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for file in file_names(name)[:2] if train else file_names(name)[2:]:
            (raw / file).write_bytes(b"content")

    monkeypatch.setattr(mnist_mlp.data.dataset, "_download_with_torchvision", fake_download)
    for _ in range(2):
        assert mnist_mlp.data.dataset.download("KMNIST", tmp_path) == tmp_path
    assert downloaded == [True, False]  # nothing the second time
    assert sorted(p.name for p in tmp_path.iterdir()) == ["KMNIST"]
    assert len(list((tmp_path / "KMNIST" / "raw").iterdir())) == 4
