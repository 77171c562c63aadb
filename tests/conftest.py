"""Fixtures that several tests share: the real MNIST, read once, and a small trained net."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.train import train
from tests.command import SMALL

torch.set_num_threads(1)  # pytest runs one process per core; more threads than cores slow each other down


@pytest.fixture(scope="session")
def mnist() -> tuple[Examples, Examples]:
    """Training and test examples."""
    return load()


@pytest.fixture(scope="module")
def read_once(mnist: tuple[Examples, Examples]) -> Iterator[None]:
    """Give every MNISTData of the module the examples that are already in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: mnist)
        yield


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of a few seconds: RUN/checkpoints/best.ckpt of a net with 90% accuracy."""
    folder = tmp_path_factory.mktemp("small_run")
    options = ["--data.val_size", "30000", "--model.hidden_sizes", "[32]", "--model.lr_warmup_epochs", "0.5"]
    train([*SMALL, *options, "--trainer.default_root_dir", str(folder)])
    return folder / "lightning_logs" / "version_0" / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="session")
def small_net(small_run: Path) -> Trained:
    return load_net(small_run)
