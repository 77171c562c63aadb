"""A user's mistake ends in one clear sentence and exit code 2, and leaves nothing half-written.

Each case runs the training command in a process of its own.
"""

import gzip
import os
import pickle
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import mnist_mlp
from mnist_mlp.data.dataset import MNIST_SHA256, cache_dir, unpack_mnist
from tests.command import SMALL, run_train, train_command

PACKAGE = Path(mnist_mlp.__file__).parent


def assert_one_sentence(result: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """One line on stderr that names the problem; no traceback; exit code 2."""
    assert result.returncode == 2, result.stdout + result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mnist_mlp: error: ")
    for word in words:
        assert word in lines[0], f"{word!r} not in {lines[0]!r}"


BAD_OPTIONS: dict[str, tuple[list[str], list[str]]] = {
    "misspelt option": (["--model.hiden_sizes", "[100]"], ["--model.hiden_sizes", "--model.hidden_sizes"]),
    "shortened option": (["--trainer.max_epoch", "3"], ["--trainer.max_epochs"]),
    "batch_size 0": (["--data.batch_size", "0"], ["batch_size is 0", "full"]),
    "batch_size negative": (["--data.batch_size", "-5"], ["batch_size is -5"]),
    "batch_size too large": (["--data.batch_size", "55001"], ["55001", "55000 images"]),
    "batch_size a word": (["--data.batch_size", "ful"], ["--data.batch_size", "ful", "full"]),
    "no training image": (["--data.val_size", "60000"], ["val_size is 60000", "60000 training images"]),
    "val_size negative": (["--data.val_size", "-1"], ["val_size is -1"]),
    "learning rate negative": (["--model.learning_rate", "-1"], ["learning_rate is -1"]),
    "rotation_of no digits": (["--data.rotation_of", "{a: 7.5}"], ["rotation_of is", "'a'", "{1: 7.5, 7: 7.5}"]),
    "rotation_of a number": (["--data.rotation_of", "7.5"], ["rotation_of is", "{1: 7.5, 7: 7.5}"]),
    "skip_below negative": (["--model.skip_below", "-1"], ["skip_below is -1", "0.001"]),
    "learning rate zero": (["--model.learning_rate", "0"], ["learning_rate is 0"]),
    "learning rate nan": (["--model.learning_rate", "nan"], ["learning_rate", "nan"]),
    "hidden size 0": (["--model.hidden_sizes", "[0]"], ["hidden_sizes is [0]"]),
    "hidden size a word": (["--model.hidden_sizes", "[100, many]"], ["hidden_sizes", "many", "whole number"]),
    "hidden sizes a word": (["--model.hidden_sizes", "many"], ["hidden_sizes", "many", "list"]),
    "unknown activation": (
        ["--model.activation", "relu"],
        ["activation", "relu", "sigmoid, tanh, scaled_tanh, identity"],
    ),
    "targets in disorder": (["--model.target_values", "[1, 0]"], ["target_values is [1.0, 0.0]"]),
    "cross-entropy of tanh": (
        ["--model.cost_function", "cross_entropy", "--model.output_activation", "tanh"],
        ["cost_function is cross_entropy", "output_activation"],
    ),
    "pixels of no range": (["--data.pixel_range", "[1, 1]"], ["pixel_range is [1.0, 1.0]"]),
    "missing config": (["--config", "nowhere.yaml"], ["--config", "nowhere.yaml", "not exist", "YAML file", "configs"]),
    "missing checkpoint": (["--ckpt_path", "nowhere.ckpt"], ["there is no checkpoint nowhere.ckpt"]),
    "unknown strategy": (["--trainer.strategy", "foo"], ["--trainer", "foo"]),
    "missing data folder": (["--data.data_dir", "nowhere"], ["nowhere/MNIST/raw/train-images-idx3-ubyte"]),
}


@pytest.mark.parametrize(("options", "words"), BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_option(tmp_path: Path, options: list[str], words: list[str]) -> None:
    assert_one_sentence(run_train(tmp_path, *options), *words)
    assert not (tmp_path / "lightning_logs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_on_a_machine_without_one(tmp_path: Path) -> None:
    assert_one_sentence(run_train(tmp_path, "--trainer.accelerator", "gpu"), "--trainer.accelerator is gpu")


def test_config_that_is_not_yaml(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("model: [")
    assert_one_sentence(run_train(tmp_path, "--config", "bad.yaml"), "config bad.yaml: this is not YAML")


def test_config_with_an_unknown_key(tmp_path: Path) -> None:
    (tmp_path / "unknown.yaml").write_text("model: {hiden_sizes: [100]}")
    assert_one_sentence(run_train(tmp_path, "--config", "unknown.yaml"), "hiden_sizes", "--model.hidden_sizes")


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


def damage_only_gzipped(raw: Path) -> str:
    path = raw / "t10k-labels-idx1-ubyte"
    path.rename(path.with_name(path.name + ".gz"))
    return "unpack that"


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
        damage_only_gzipped,
        damage_not_idx,
        damage_wrong_size,
        damage_labels_of_other_images,
    ],
)
def test_damaged_data_folder(tmp_path: Path, mnist_folder: Path, damage: Callable[[Path], str]) -> None:
    shutil.copytree(mnist_folder, tmp_path / "data")
    words = damage(tmp_path / "data" / "MNIST" / "raw")
    assert_one_sentence(run_train(tmp_path, "--data.data_dir", "data"), words)
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


def test_log_folder_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "lightning_logs").write_text("a file where a folder should be")
    assert_one_sentence(run_train(tmp_path), "cannot write", "--trainer.default_root_dir")
    assert (tmp_path / "lightning_logs").read_text() == "a file where a folder should be"


def test_checkpoint_damaged(tmp_path: Path) -> None:
    (tmp_path / "damaged.ckpt").write_bytes(b"PK\x03\x04 not really")
    assert_one_sentence(run_train(tmp_path, "--ckpt_path", "damaged.ckpt"), "damaged.ckpt is damaged or no checkpoint")


def test_checkpoint_of_other_sizes(tmp_path: Path) -> None:
    net = mnist_mlp.SigmoidMLP([20])
    torch.save({"state_dict": net.state_dict()}, tmp_path / "other.ckpt")
    result = run_train(tmp_path, "--ckpt_path", "other.ckpt", *SMALL)
    assert_one_sentence(result, "784-20-10", "784-16-10")


class RunsCode:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda o, f: f.write_bytes(pickle.dumps(o))])
def test_checkpoint_with_code_is_refused(tmp_path: Path, save: Callable[[object, Path], object]) -> None:
    save({"state_dict": RunsCode(tmp_path / "made_by_the_pickle")}, tmp_path / "evil.ckpt")
    assert_one_sentence(run_train(tmp_path, "--ckpt_path", "evil.ckpt"), "evil.ckpt")
    assert not (tmp_path / "made_by_the_pickle").exists()


def test_download_fails(tmp_path: Path) -> None:
    """The error says which files to put where. A proxy that refuses stands for a machine without a network."""
    result = run_train(
        tmp_path,
        "--data.dataset",
        "KMNIST",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        http_proxy="http://127.0.0.1:9",
        https_proxy="http://127.0.0.1:9",
    )
    assert_one_sentence(result, "KMNIST could not be downloaded", "train-images-idx3-ubyte", "DIR/KMNIST/raw")


def test_a_collapsed_net_gives_one_warning(tmp_path: Path) -> None:
    """A wide sigmoid layer collapses under a large learning rate without warm-up. The run continues."""
    result = run_train(
        tmp_path,
        *SMALL[:2],
        *["--model.hidden_sizes", "[800]", "--model.learning_rate", "100", "--model.lr_warmup_epochs", "0"],
        *["--trainer.max_epochs", "3", "--data.batch_size", "16"],
    )
    assert result.returncode == 0, result.stderr
    warnings = [line for line in result.stderr.splitlines() if "same class for every image" in line]
    assert len(warnings) == 1
    assert "--model.lr_warmup_epochs" in warnings[0]


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_cost_that_turns_nan_stops_the_run(tmp_path: Path, engine: str) -> None:
    """The error says at which update. The weights in the checkpoints are finite."""
    result = run_train(
        tmp_path,
        *SMALL[:2],
        *["--model.activation", "identity", "--model.hidden_sizes", "[50, 50, 50]", "--model.engine", engine],
        *["--model.learning_rate", "1e30", "--model.lr_warmup_epochs", "0", "--trainer.max_epochs", "3"],
    )
    assert_one_sentence(result, "no longer a number at weight update", "--model.learning_rate", "last.ckpt")
    for path in tmp_path.rglob("*.ckpt"):
        weights = torch.load(path, weights_only=True)["state_dict"].values()
        assert all(w.isfinite().all() for w in weights)
    assert list(tmp_path.rglob("last.ckpt"))


def test_the_users_cache_holds_the_original_files() -> None:
    """The files that the other tests of the command train on."""
    raw = unpack_mnist(cache_dir()) / "MNIST" / "raw"
    assert {p.name for p in raw.iterdir()} == set(MNIST_SHA256)
    assert sys.version_info >= (3, 10)
