"""Damaged data files, a cache that cannot be written, and a full disk end in one sentence."""

import gzip
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

import mnist_mlp
from mnist_mlp.data.dataset import unpack_mnist
from tests.command import RunHere, assert_one_sentence, run_train, train_command

PACKAGE = Path(mnist_mlp.__file__).parent


@pytest.fixture(scope="module")
def mnist_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in torchvision's layout."""
    return unpack_mnist(tmp_path_factory.mktemp("mnist"))


def damage_truncated(raw: Path) -> str:
    path = raw / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1000])
    return "train-images-idx3-ubyte is 47039016 bytes"


def damage_missing(raw: Path) -> str:
    (raw / "t10k-labels-idx1-ubyte").unlink()
    return "t10k-labels-idx1-ubyte"


def damage_gzipped(raw: Path) -> str:
    path = raw / "t10k-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes())[:-100])
    return "t10k-labels-idx1-ubyte"


def damage_not_idx(raw: Path) -> str:
    path = raw / "train-labels-idx1-ubyte"
    path.write_text("a text instead of labels")
    return "not an IDX file"


def damage_wrong_size(raw: Path) -> str:
    path = raw / "train-images-idx3-ubyte"
    header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (10, 14, 14))
    path.write_bytes(header + bytes(10 * 14 * 14))
    return "not 28 x 28"


def damage_labels_of_other_images(raw: Path) -> str:
    shutil.copy(raw / "t10k-labels-idx1-ubyte", raw / "train-labels-idx1-ubyte")
    return "60000 images"


@pytest.mark.parametrize(
    "damage",
    [
        damage_truncated,
        damage_missing,
        damage_gzipped,
        damage_not_idx,
        damage_wrong_size,
        damage_labels_of_other_images,
    ],
)
def test_damaged_data_folder(
    run_here: RunHere, tmp_path: Path, mnist_folder: Path, damage: Callable[[Path], str]
) -> None:
    shutil.copytree(mnist_folder, tmp_path / "data")
    words = damage(tmp_path / "data" / "MNIST" / "raw")
    assert_one_sentence(run_here("--data.data_dir", "data"), words)
    assert not (tmp_path / "lightning_logs").exists()


def copied_package(folder: Path) -> Path:
    """A copy of the package to damage. A command that is started in `folder` uses it."""
    return Path(shutil.copytree(PACKAGE, folder / "mnist_mlp", ignore=shutil.ignore_patterns("__pycache__")))


def test_bundled_file_damaged(tmp_path: Path) -> None:
    """A gzip file with flipped bytes, and a valid one with other content."""
    package = copied_package(tmp_path)
    path = package / "mnist" / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[5000:5100] = bytes(100)
    path.write_bytes(bytes(content))
    result = run_train(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert_one_sentence(result, str(path), "damaged", "reinstall mnist_mlp")
    path.write_bytes(gzip.compress(b"something else"))
    assert_one_sentence(run_train(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache")), "SHA-256")


def test_cache_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    # matplotlib, if it is installed, would add its own message about the cache.
    result = run_train(tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"), MPLCONFIGDIR=str(tmp_path))
    assert_one_sentence(result, "cannot unpack MNIST", "--data.data_dir")


def test_a_user_without_a_home_folder(run_here: RunHere, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number without a name."""

    def no_entry(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", no_entry)
    assert_one_sentence(run_here(), "no home folder", "XDG_CACHE_HOME", "--data.data_dir")
    assert_one_sentence(run_here("--data.data_dir", "~/mnist"), "~/mnist")


def test_disk_full_while_unpacking_leaves_no_half_file(tmp_path: Path) -> None:
    """A limit on the size of files makes a write fail half-way, like a full disk."""
    limit = 1_000_000
    result = subprocess.run(
        train_command(),
        cwd=tmp_path,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert_one_sentence(result, "cannot unpack MNIST", "make room")
    assert [p.name for p in (tmp_path / "cache" / "mnist_mlp").rglob("*") if p.is_file()] == []
