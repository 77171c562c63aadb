"""The data: the original MNIST, whole; its splits; and mini-batches that are cut from it as they should be."""

import hashlib
import multiprocessing
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import mnist_mlp
import mnist_mlp.data.dataset
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import MNIST_SHA256, DatasetName, Examples, load, unpack_mnist
from mnist_mlp.data.loader import Block, MiniBatch, MiniBatches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError

# Of the original database, unpacked.
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
    """As the MNIST page has them."""
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
    # The first row of the first digit with ink in it, as every dump of MNIST shows it.
    assert train.images[0, 5, 12:24].tolist() == [3, 18, 18, 18, 126, 136, 175, 26, 166, 255, 247, 127]
    assert (train.images[0] > 0).sum() == 166


def test_splits() -> None:
    """55,000 / 5,000 / 10,000, without overlap, the same every time and for every seed of the run."""
    torch.manual_seed(1)
    one, other, another = MNISTData(), MNISTData(), MNISTData(split_seed=1)
    for data in (one, other, another):
        torch.manual_seed(torch.seed() % 1000)
        data.setup()
    val = one.val_dataloader()
    assert isinstance(val, MiniBatches)
    assert len(one.train_indices) == 55_000
    assert len(val.indices) == 5_000
    assert len(one.test_dataloader().indices) == 10_000
    assert torch.cat([one.train_indices, val.indices]).sort().values.equal(torch.arange(60_000))
    assert one.train_indices.equal(other.train_indices)
    assert not one.train_indices.equal(another.train_indices)


def test_no_validation_split() -> None:
    data = MNISTData(val_size=0)
    data.setup()
    assert len(data.train_indices) == 60_000
    assert data.val_dataloader() == []


def all_images(data: MNISTData) -> Tensor:
    batch = next(iter(data.train_dataloader()))
    assert isinstance(batch, MiniBatch)
    return batch.images


def test_pixels_are_scaled() -> None:
    """0..1 as in the article, or between two other numbers; or, normalised, mean 0 and standard deviation 1."""
    plain, normalised = (MNISTData(batch_size="full", normalize=n) for n in (False, True))
    lecun98 = MNISTData(batch_size="full", normalize=False, pixel_range=(-0.1, 1.175))
    for data in (plain, normalised, lecun98):
        data.setup()
    images = all_images(plain)
    assert images.shape == (55_000, 784)
    assert images.min() == 0
    assert images.max().item() == pytest.approx(1)
    torch.testing.assert_close(all_images(lecun98), all_images(plain) * 1.275 - 0.1)
    images = all_images(normalised)
    assert images.double().mean().item() == pytest.approx(0, abs=1e-5)
    assert images.double().std().item() == pytest.approx(1, abs=1e-5)


def numbered(n: int) -> Examples:
    """Examples that can be told apart: image i has the bytes of the number i, label i mod 10."""
    images = torch.zeros(n, 28, 28, dtype=torch.uint8)
    images[:, 0, 0], images[:, 0, 1] = torch.arange(n) % 256, torch.arange(n) // 256
    return Examples(images, torch.arange(n) % 10)


def numbers(images: Tensor) -> list[int]:
    return (images[:, 0] + 256 * images[:, 1]).round().int().tolist()


def loader(n: int, batch_size: int, **kwargs: Any) -> MiniBatches:
    return MiniBatches(numbered(n), torch.arange(n), batch_size, Preprocessing(factor=1.0), **kwargs)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), seed=st.integers(0, 2**40), epoch=st.integers(0, 1000))
def test_an_epoch_meets_every_example_once(n: int, batch_size: int, seed: int, epoch: int) -> None:
    """In an order that depends on the seed and the epoch alone."""
    one, other = (loader(n, batch_size, seed=seed) for _ in range(2))
    list(other)  # another epoch before
    orders = []
    for batches in (one, other):
        batches.sampler.set_epoch(epoch)
        made = list(batches)
        assert len(made) == len(batches) == batches.updates
        assert all(len(batch.labels) == batch_size for batch in made[:-1])
        orders.append([i for batch in made for i in numbers(batch.images)])
        assert [i % 10 for i in orders[-1]] == [y for batch in made for y in batch.labels.tolist()]
    assert sorted(orders[0]) == list(range(n))
    assert orders[0] == orders[1]


def test_every_epoch_and_seed_has_an_order_of_its_own() -> None:
    orders = set()
    for seed in (0, 1, 2):
        batches = loader(50, 50, seed=seed)
        for epoch in range(3):
            batches.set_epoch(epoch)
            orders.add(tuple(numbers(next(iter(batches)).images)))
    assert len(orders) == 9


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), world_size=st.integers(1, 4))
def test_processes_share_each_mini_batch(n: int, batch_size: int, world_size: int) -> None:
    """Disjoint shares that together are the mini-batch, and whose `size` makes the mean of gradients its gradient."""
    whole = list(loader(n, batch_size, seed=1))
    shares = [list(loader(n, batch_size, seed=1, rank=r, world_size=world_size)) for r in range(world_size)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(numbers(batch.images)) == sorted(i for part in parts for i in numbers(part.images))
        assert isinstance(batch, MiniBatch)
        assert all(isinstance(part, MiniBatch) and part.size * world_size == batch.size for part in parts)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), updates_per_step=st.integers(2, 6))
def test_blocks_are_the_same_mini_batches(n: int, batch_size: int, updates_per_step: int) -> None:
    plain = list(loader(n, batch_size, seed=1))
    blocks = loader(n, batch_size, seed=1, updates_per_step=updates_per_step)
    assert blocks.updates == len(plain)
    cut, made = [], 0
    for block in blocks:  # one at a time: the next takes its memory
        assert isinstance(block, Block)
        cut += [numbers(part) for part in block.images.split(block.batch_size)]
        made += 1
    assert made == len(blocks)
    assert cut == [numbers(batch.images) for batch in plain]


def unpack_in_a_process(root: Path) -> None:
    unpack_mnist(root)


def test_several_processes_may_unpack_at_once(tmp_path: Path) -> None:
    """Each file is whole afterwards, and no temporary one is left."""
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
    return bytes([0, 0, type_code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


@pytest.mark.parametrize("name", ["FashionMNIST", "KMNIST", "QMNIST"])
def test_other_sets_are_read_from_a_folder(tmp_path: Path, name: DatasetName) -> None:
    """Three training and two test images in torchvision's layout; of QMNIST's labels the first column is the digit."""
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


def test_labels_beyond_nine_are_refused(tmp_path: Path) -> None:
    shutil.copytree(unpack_mnist(tmp_path / "good"), tmp_path / "bad")
    path = tmp_path / "bad" / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    content = bytearray(path.read_bytes())
    content[8] = 25
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="up to 25"):
        load("MNIST", tmp_path / "bad")


def test_an_existing_download_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that succeeds is moved into place as a whole; torchvision's part is played by a stub of the network."""
    fetched = []

    def fake_download(name: DatasetName, root: Path, train: bool, download: bool) -> None:
        assert download
        fetched.append(train)
        raw = root / name / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for file in mnist_mlp.data.dataset._file_pairs(name)[0 if train else 1]:
            (raw / file).write_bytes(b"content")

    monkeypatch.setattr(mnist_mlp.data.dataset, "_torchvision_set", fake_download)
    for _ in range(2):
        assert mnist_mlp.data.dataset.download("KMNIST", tmp_path) == tmp_path
    assert fetched == [True, False]  # the second time nothing was fetched
    assert sorted(p.name for p in tmp_path.iterdir()) == ["KMNIST"]
    assert len(list((tmp_path / "KMNIST" / "raw").iterdir())) == 4
