"""What several tests share: the real MNIST, read once, and a fair share of the processor."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.train import train
from tests.command import SMALL
from tests.demo.serving import Server, serving

torch.set_num_threads(1)  # pytest runs one process per core; more threads than cores slow each other down


@pytest.fixture(scope="session")
def mnist() -> tuple[Examples, Examples]:
    """Training and test examples."""
    return load()


@pytest.fixture(scope="module")
def read_once(mnist: tuple[Examples, Examples]) -> Iterator[None]:
    """Every MNISTData of the module gets the examples read above; that files are read well, test_data.py sees to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: mnist)
        yield


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of a few seconds: RUN/checkpoints/best.ckpt, of a net that is right on nine digits of ten."""
    folder = tmp_path_factory.mktemp("small_run")
    options = ["--data.val_size", "30000", "--model.hidden_sizes", "[32]", "--model.lr_warmup_epochs", "0.5"]
    train([*SMALL, *options, "--trainer.default_root_dir", str(folder)])
    return folder / "lightning_logs" / "version_0" / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="session")
def small_net(small_run: Path) -> Trained:
    return load_net(small_run)


@pytest.fixture(scope="session")
def server(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`mnist_mlp.demo` at work, in a folder with that run; it is to end without a word but its own."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "lightning_logs").symlink_to(small_run.parent.parent.parent)
    (folder / "secret.ckpt").write_text("not to be had")
    with serving(folder, "--ckpt", str(small_run)) as server:
        yield server
