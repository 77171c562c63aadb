"""The snapshots of a run, training/snapshots.py."""

import shutil
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from safetensors import safe_open
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.train import train
from mnist_mlp.training.cli import TrainCLI
from mnist_mlp.training.snapshots import FOLDER, Snapshots
from tests.command import QUIET
from tests.training.run_files import LAST, RUN, assert_same_bits, weights

pytestmark = pytest.mark.usefixtures("read_once")

TINY = [
    *["--data.val_size", "59900", "--model.hidden_sizes", "[4]", "--data.batch_size", "50", "--pictures", "false"],
    *["--trainer.accelerator", "cpu", "--trainer.limit_val_batches", "1", "--trainer.limit_test_batches", "1"],
]


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118 (no mapping)


def epochs(run: Path) -> list[int]:
    """The epochs of the snapshots. Nothing else is in their folder, and each file says its epoch."""
    found = []
    for path in sorted((run / FOLDER).iterdir()):
        metadata = read(path)[1]
        assert path.name == f"epoch_{int(metadata['epoch']):04}.safetensors"
        found.append(int(metadata["epoch"]))
    return found


def assert_holds(snapshot: Path, state: dict[str, Tensor]) -> None:
    """The snapshot has these tensors, rounded to float16."""
    tensors, _ = read(snapshot)
    assert tensors.keys() == state.keys()
    for name, value in tensors.items():
        assert value.dtype == torch.float16
        assert value.equal(state[name].half())


@pytest.fixture(scope="module")
def five_epochs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that five epochs were trained in."""
    folder = tmp_path_factory.mktemp("five")
    train([*TINY, "--trainer.max_epochs", "5", "--trainer.default_root_dir", str(folder)])
    return folder


@pytest.fixture
def copied(five_epochs: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    shutil.copytree(five_epochs, tmp_path / "run")
    return tmp_path / "run"


def test_before_training_after_powers_of_two_and_at_the_end(five_epochs: Path) -> None:
    folder = five_epochs / RUN / FOLDER
    assert epochs(five_epochs / RUN) == [0, 1, 2, 4, 5]
    initial = TrainCLI([*TINY, "--trainer.logger", "false"]).model
    assert_holds(folder / "epoch_0000.safetensors", initial.state_dict())
    assert_holds(folder / "epoch_0005.safetensors", weights(five_epochs / LAST))
    with pytest.raises(AssertionError):
        assert_holds(folder / "epoch_0004.safetensors", weights(five_epochs / LAST))


def test_a_resumed_run_goes_on_with_its_snapshots(copied: Path) -> None:
    """It writes those of its epochs. The end of the shorter run stays."""
    before = {path: path.read_bytes() for path in (copied / RUN / FOLDER).iterdir()}
    train(["--ckpt_path", str(copied / LAST), "--trainer.max_epochs", "9"])
    assert epochs(copied / RUN) == [0, 1, 2, 4, 5, 8, 9]
    assert {path: path.read_bytes() for path in before} == before
    assert_holds(copied / RUN / FOLDER / "epoch_0009.safetensors", weights(copied / LAST))


def test_epochs_that_are_trained_again_lose_their_snapshots(copied: Path) -> None:
    """So does what a killed process left. The run goes back to a checkpoint of an earlier epoch."""
    (copied / RUN / FOLDER / "epoch_0005.safetensorsabc.part").touch()
    resumed = copied / RUN / "checkpoints" / "resumed.ckpt"
    shutil.copy(copied / LAST, resumed)
    train(["--ckpt_path", str(resumed), "--trainer.max_epochs", "8"])
    assert epochs(copied / RUN) == [0, 1, 2, 4, 5, 8]
    train(["--ckpt_path", str(resumed), "--trainer.max_epochs", "7"])
    assert epochs(copied / RUN) == [0, 1, 2, 4, 5, 7]


@pytest.mark.parametrize(
    "options",
    [["--snapshots", "false"], ["--trainer.logger", "false"], ["--trainer.fast_dev_run", "true"]],
    ids=lambda options: options[0],
)
def test_runs_without_snapshots(options: list[str], five_epochs: Path, tmp_path: Path) -> None:
    """The weights of the run are the same."""
    train([*TINY, "--trainer.max_epochs", "5", "--trainer.default_root_dir", str(tmp_path), *options])
    assert not list(tmp_path.rglob(FOLDER))
    if options[0] == "--snapshots":
        assert_same_bits(five_epochs / LAST, tmp_path / LAST)


def test_weights_that_float16_cannot_hold_have_no_snapshot(tmp_path: Path) -> None:
    net = FastSigmoidMLP([4], learning_rate=1e-6)
    with torch.no_grad():
        net.linear_layers[0].weight[0, 0] = 65_520.0  # rounds to infinity
    settings = {**QUIET, "logger": CSVLogger(tmp_path), "max_epochs": 1, "limit_val_batches": 0}
    L.Trainer(**settings, callbacks=[Snapshots()]).fit(net, datamodule=MNISTData(val_size=59_900, batch_size=50))
    assert not list(tmp_path.rglob(f"{FOLDER}/*"))
    with torch.no_grad():
        net.linear_layers[0].weight[0, 0] = 65_504.0
    L.Trainer(**settings, callbacks=[Snapshots()]).fit(net, datamodule=MNISTData(val_size=59_900, batch_size=50))
    assert len(list(tmp_path.rglob(f"{FOLDER}/*"))) == 2
