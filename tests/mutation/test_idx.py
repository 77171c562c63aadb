"""Damaged data files: IDX, as MNIST and as QMNIST, and the package's gzip files."""

import gzip
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import mnist_mlp
import mnist_mlp.data.dataset
from mnist_mlp.data.dataset import MNIST_SHA256, QMNIST_FILES, DatasetName, Examples, load, unpack_mnist
from tests.data.helpers import idx
from tests.mutation.conftest import SEED
from tests.mutation.judge import judge
from tests.mutation.mutate import EXTREMES, mutated_bytes


def write_set(name: DatasetName, folder: Path) -> dict[Path, bytes]:
    """Write three training and two test images; return the content of all four files."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    names = QMNIST_FILES if name == "QMNIST" else tuple(MNIST_SHA256)
    content = {}
    for file, n in zip(names, (3, 3, 2, 2), strict=True):
        if "images" in file:
            content[raw / file] = idx(8, (n, 28, 28), bytes(i % 251 for i in range(n * 784)))
        elif name == "QMNIST":
            rows = [number for i in range(n) for number in (9 - i, 4, 100 + i, 0, 0, 0, 0, 0)]
            content[raw / file] = idx(12, (n, 8), struct.pack(f">{len(rows)}i", *rows))
        else:
            content[raw / file] = idx(8, (n,), bytes(9 - i for i in range(n)))
    for path, data in content.items():
        path.write_bytes(data)
    return content


def mutated(rng: random.Random, count: int, files: dict[Path, bytes]) -> Iterator[dict[Path, bytes]]:
    """Yield the changed files of each input: bytes, or a header whose numbers are extreme and a content that fits."""
    for _ in range(count):
        path = rng.choice(list(files))
        if rng.random() < 0.7:
            yield {path: mutated_bytes(rng, files[path])}
            continue
        shape = tuple(rng.choice([*EXTREMES[:5], 3, 28, *EXTREMES]) % 2**32 for _ in range(rng.randrange(5)))
        numbers = 1
        for n in shape:
            numbers *= n
        size = min(numbers * rng.choice([1, 4]), 10_000)
        yield {path: idx(rng.choice([8, 8, 9, 11, 12, 13, 14]), shape, bytes(size))}


@pytest.mark.parametrize("name", ["MNIST", "QMNIST"])
def test_mutated_idx_files(name: DatasetName, count: int, tmp_path: Path) -> None:
    files = write_set(name, tmp_path)

    def read(changed: dict[Path, bytes]) -> None:
        for path, content in (files | changed).items():
            path.write_bytes(content)
        for images, labels in load(name, tmp_path):
            assert len(images) == len(labels) > 0
            assert (images.shape[1:], images.dtype, labels.dtype) == ((28, 28), torch.uint8, torch.int64)
            assert set(labels.tolist()) <= set(range(10))

    report = judge(mutated(random.Random(f"{SEED} {name}"), count, files), read)
    print(name, report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0


def test_mutated_idx_files_that_are_gzipped(count: int, tmp_path: Path) -> None:
    """The gzip file is mutated, or the IDX file in it. Bombs unpack to 700 MB, one with a header that fits."""
    files = write_set("MNIST", tmp_path)
    images = next(path for path in files if "train-images" in path.name)
    rng = random.Random(f"{SEED} gzipped IDX")
    headers = [files[images][:16], idx(8, (700 * 10**6 // 784, 28, 28), b"")]

    def inputs() -> Iterator[dict[Path, bytes]]:
        zeros = gzip.compress(bytes(700 * 10**6 // 784 * 784), 1, mtime=0)
        for header in headers:
            yield {images: gzip.compress(header, mtime=0) + zeros}
        for changed in mutated(rng, count, files):
            for path, content in changed.items():
                if rng.random() < 0.5:
                    yield {path: gzip.compress(content, 1, mtime=0)}
                else:
                    yield {path: mutated_bytes(rng, gzip.compress(files[path], 1, mtime=0))}

    def read(changed: dict[Path, bytes]) -> None:
        for path, content in (files | changed).items():
            path.write_bytes(content)
        for images, labels in load("MNIST", tmp_path):
            assert len(images) == len(labels) > 0
            assert set(labels.tolist()) <= set(range(10))

    report = judge(inputs(), read)
    print("gzipped IDX", report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0


def test_mutated_gzip_files(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: tuple[Examples, Examples]
) -> None:
    """A file of the package is either unpacked to the original or refused. A bomb unpacks to 700 MB."""
    package = tmp_path / "package"
    (package / "mnist").mkdir(parents=True)
    source = Path(mnist_mlp.__file__).parent / "mnist"
    for file in MNIST_SHA256:
        (package / "mnist" / f"{file}.gz").write_bytes((source / f"{file}.gz").read_bytes())
    monkeypatch.setattr(mnist_mlp.data.dataset, "files", lambda _: package)
    unpack_mnist(tmp_path)
    file = "t10k-labels-idx1-ubyte"
    unpacked, packed = tmp_path / "MNIST" / "raw" / file, package / "mnist" / f"{file}.gz"
    original, content = packed.read_bytes(), unpacked.read_bytes()
    rng = random.Random(f"{SEED} gzip")

    def inputs() -> Iterator[bytes]:
        yield gzip.compress(bytes(700 * 10**6), 1, mtime=0)
        yield original + b"garbage"
        yield original + original
        for _ in range(count):
            yield mutated_bytes(rng, original)

    def read(mutated: bytes) -> None:
        packed.write_bytes(mutated)
        unpacked.unlink(missing_ok=True)
        unpack_mnist(tmp_path)
        assert unpacked.read_bytes() == content

    # Only one of the four files is unpacked in each turn; hashing the others would take most of the time.
    monkeypatch.setattr(mnist_mlp.data.dataset, "MNIST_SHA256", {file: MNIST_SHA256[file]})
    report = judge(inputs(), read)
    print("gzip", report)
    assert not report.failures, str(report)
    assert report.counts["sentence"] > 0
