"""A user's mistake ends in one clear sentence and exit code 2, and leaves nothing half-written.

Cases that need no process of their own run the command in this one: starting it takes seconds.
"""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import mnist_mlp
from mnist_mlp.data.dataset import MNIST_SHA256, cache_dir, unpack_mnist
from tests.command import SMALL, RunHere, assert_one_sentence, run_train

PACKAGE = Path(mnist_mlp.__file__).parent


def test_a_real_process_ends_with_one_sentence(tmp_path: Path) -> None:
    assert_one_sentence(run_train(tmp_path, "--data.batch_size", "0"), "batch_size is 0")


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
def test_bad_option(run_here: RunHere, tmp_path: Path, options: list[str], words: list[str]) -> None:
    assert_one_sentence(run_here(*options), *words)
    assert not (tmp_path / "lightning_logs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_gpu_on_a_machine_without_one(run_here: RunHere, tmp_path: Path) -> None:
    assert_one_sentence(run_here("--trainer.accelerator", "gpu"), "--trainer.accelerator is gpu")


def test_config_that_is_not_yaml(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("model: [")
    assert_one_sentence(run_here("--config", "bad.yaml"), "config bad.yaml: this is not YAML")


# A list of 3^39 ones.
ALIASES_OF_ALIASES = b"a0: &a0 [1]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d, *a%d]\n" % (i, i, i - 1, i - 1, i - 1) for i in range(1, 40)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("trainer: {max_epochs: 2}".encode("utf-16"), "UTF-16"),
        ("# größer\ntrainer: {max_epochs: 2}".encode("latin-1"), "not text in UTF-8"),
        (ALIASES_OF_ALIASES, "more values than"),
        (b"trainer: {devices: [%s]}" % b",".join([b"1"] * 5000), "more values than"),
        (b"trainer: null", "trainer is None"),
        (b"fit: {model: {hidden_sizes: [10]}}", "has a section fit: this command has no subcommands"),
        (b"optimizer: {lr: 3}", "has a section optimizer: the net makes its own weight updates"),
        (b"optimizer: {class_path: torch.optim.SGD, init_args: {lr: 3}}", "has a section optimizer"),
    ],
    ids=["utf-16", "latin-1", "aliases", "long", "null", "fit", "optimizer", "optimizer's class"],
)
def test_config_that_cannot_be_used(run_here: RunHere, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    assert_one_sentence(run_here("--config", "bad.yaml"), words)


def test_config_with_an_unknown_key(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "unknown.yaml").write_text("model: {hiden_sizes: [100]}")
    assert_one_sentence(run_here("--config", "unknown.yaml"), "hiden_sizes", "--model.hidden_sizes")


def test_log_folder_cannot_be_written(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "lightning_logs").write_text("a file where a folder should be")
    assert_one_sentence(run_here(), "cannot write", "--trainer.default_root_dir")
    assert (tmp_path / "lightning_logs").read_text() == "a file where a folder should be"


def test_checkpoint_damaged(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "damaged.ckpt").write_bytes(b"PK\x03\x04 not really")
    assert_one_sentence(run_here("--ckpt_path", "damaged.ckpt"), "damaged.ckpt is damaged or no checkpoint")


def test_checkpoint_of_weights_only(run_here: RunHere, tmp_path: Path) -> None:
    """Nothing in it says where the run stood."""
    torch.save({"state_dict": mnist_mlp.SigmoidMLP([16]).state_dict()}, tmp_path / "weights.ckpt")
    result = run_here("--ckpt_path", "weights.ckpt", *SMALL)
    assert_one_sentence(result, "weights.ckpt holds weights, but no loops to resume a run from")


def test_checkpoint_of_other_sizes(run_here: RunHere, tmp_path: Path) -> None:
    net = mnist_mlp.SigmoidMLP([20])
    torch.save({"state_dict": net.state_dict()}, tmp_path / "other.ckpt")
    result = run_here("--ckpt_path", "other.ckpt", *SMALL)
    assert_one_sentence(result, "784-20-10", "784-16-10")


class RunsCode:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda o, f: f.write_bytes(pickle.dumps(o))])
def test_checkpoint_with_code_is_refused(
    run_here: RunHere, tmp_path: Path, save: Callable[[object, Path], object]
) -> None:
    save({"state_dict": RunsCode(tmp_path / "made_by_the_pickle")}, tmp_path / "evil.ckpt")
    assert_one_sentence(run_here("--ckpt_path", "evil.ckpt"), "evil.ckpt")
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
