"""Fixtures that several tests share: the real MNIST, read once, and a small trained net."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.errors import run_command
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.train import train
from tests.command import RunHere

STORED = Path(__file__).parent / "small_run" / "lightning_logs"

# A shell starts jobs in the background with Ctrl-C ignored, which the processes of the tests would inherit.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# pytest runs one process per core. More threads than cores slow each other down, in the processes of the tests, too.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


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
    """RUN/checkpoints/best.ckpt in a copy of the stored run, a net 784-32-10 with 93% accuracy.

    Commit c4275cf wrote the files in small_run/, with torch 2.14.1 on the CPU; the event files are left out:

        python -m mnist_mlp.train --seed_everything 0 --data.val_size 30000 --data.batch_size 16
            --model.hidden_sizes [32] --model.learning_rate 20 --model.lr_warmup_epochs 0.5
            --trainer.max_epochs 2 --trainer.accelerator cpu --pictures false

    No test depends on this net; they passed with nets of other seeds, too (1 and 5).
    """
    folder = tmp_path_factory.mktemp("small_run") / "lightning_logs"
    shutil.copytree(STORED, folder)
    return folder / "version_0" / "checkpoints" / "best.ckpt"


@pytest.fixture(scope="session")
def small_net(small_run: Path) -> Trained:
    return load_net(small_run)


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunHere:
    """Run the command in this process, in `tmp_path`."""

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        monkeypatch.chdir(tmp_path)
        try:
            run_command(lambda: train(options))
            code: object = 0
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(list(options), code, *capfd.readouterr())

    return run
