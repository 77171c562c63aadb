"""Interrupted and resumed runs of the training command."""

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mnist_mlp.train import train
from tests.command import FEW_IMAGES, SMALL, interrupt_after, run_train
from tests.training.run_files import LAST, RUN, assert_same_bits, scalars

LOGGERS = {
    "CSVLogger": "{class_path: CSVLogger, init_args: {save_dir: .}}",
    "[CSVLogger, TensorBoardLogger]": "[{class_path: CSVLogger, init_args: {save_dir: .}}, "
    "{class_path: TensorBoardLogger, init_args: {save_dir: .}}]",
    "false": "false",
}


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_interrupted_and_resumed_ends_with_the_same_bits(tmp_path: Path, engine: str) -> None:
    """Ctrl-C in a later epoch leaves a checkpoint and says so. The resumed run ends like an uninterrupted one."""
    options = ["--data.val_size", "50000", "--model.hidden_sizes", "[30]", "--trainer.max_epochs", "12"]
    options += ["--model.engine", engine, "--data.batch_size", "50" if engine == "autograd" else "8"]
    options += ["--trainer.limit_val_batches", "4"]
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    code, output = interrupt_after(tmp_path / "parts", "epoch   3/12", *options)
    assert code == 130, output
    assert "Interrupted in epoch" in output
    assert f"resume with:\npython -m mnist_mlp.train --ckpt_path {LAST}" in output
    assert "Traceback" not in output
    resumed = run_train(tmp_path / "parts", "--ckpt_path", str(LAST))
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr == ""
    assert "epoch  12/12" in resumed.stdout
    assert "epoch   3/12" not in resumed.stdout
    whole = run_train(tmp_path / "whole", *options)
    for name in ("last.ckpt", "best.ckpt"):
        assert_same_bits(
            tmp_path / "whole" / RUN / "checkpoints" / name, tmp_path / "parts" / RUN / "checkpoints" / name
        )
    assert whole.stdout.splitlines()[-5] == resumed.stdout.splitlines()[-5]  # the test's figures
    # The resumed run continues in its folder: one curve, with each epoch once.
    assert [p.name for p in (tmp_path / "parts/lightning_logs").iterdir()] == ["version_0"]
    curve = scalars(tmp_path / "parts" / RUN / "train")["1 by epoch/1 average cost"]
    assert curve == scalars(tmp_path / "whole" / RUN / "train")["1 by epoch/1 average cost"]


def test_interrupted_in_the_first_epoch_can_be_resumed(tmp_path: Path) -> None:
    options = ["--data.batch_size", "1", "--model.engine", "autograd", "--trainer.max_epochs", "1"]
    code, output = interrupt_after(tmp_path, "net 784", *options)
    assert code == 130, output
    if "--ckpt_path" in output:  # otherwise Ctrl-C came before training began
        assert (tmp_path / LAST).is_file()
        shorter = [*SMALL[:2], "--data.batch_size", "16"]
        resumed = run_train(tmp_path, "--ckpt_path", str(LAST), *shorter)
        assert resumed.returncode == 0, resumed.stderr


def test_a_resumed_run_remembers_its_best_epoch(tmp_path: Path) -> None:
    """Even if its folder has been moved: a later, worse epoch does not replace best.ckpt."""
    options = [
        *FEW_IMAGES,
        *["--model.hidden_sizes", "[16]", "--model.lr_schedule", "constant", "--model.init", "nielsen"],
    ]
    (tmp_path / "before").mkdir()
    assert run_train(tmp_path / "before", *options, "--trainer.max_epochs", "5").returncode == 0
    (tmp_path / "before").rename(tmp_path / "after")
    checkpoints = tmp_path / "after" / RUN / "checkpoints"
    best = (checkpoints / "best.ckpt").read_bytes()
    spoilt = ["--model.learning_rate", "1e-3", "--data.batch_size", "full", "--trainer.max_epochs", "6"]
    result = run_train(tmp_path / "after", "--ckpt_path", str(checkpoints / "last.ckpt"), *spoilt)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    accuracies = re.findall(r"validation cost 0\.\d+ accuracy +(\d+\.\d+)%", result.stdout)
    assert len(accuracies) == 1
    assert (checkpoints / "best.ckpt").read_bytes() == best


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def epoch(checkpoint: Path) -> int:
    """The number of completed epochs."""
    return int(torch.load(checkpoint, weights_only=True)["epoch"]) + 1


@pytest.mark.parametrize("name", ["version_0", "my net"])
def test_a_moved_run_is_resumed_in_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Another run has its old name. That run's files stay as they are."""
    monkeypatch.chdir(tmp_path)
    train([*SMALL, "--pictures", "false"])
    moved = tmp_path / "backup" / name
    moved.parent.mkdir()
    shutil.move(RUN, moved)
    train([*SMALL, "--pictures", "false", "--model.hidden_sizes", "[20]", "--trainer.max_epochs", "1"])
    other = files(tmp_path / "lightning_logs")
    train(["--ckpt_path", f"backup/{name}/checkpoints/last.ckpt", "--trainer.max_epochs", "3"])
    assert files(tmp_path / "lightning_logs") == other
    assert epoch(moved / "checkpoints/last.ckpt") == 3
    assert json.loads((moved / "outcome.json").read_text())["epochs"] == 3
    assert [x for x, _ in scalars(moved / "train")["1 by epoch/1 average cost"]] == [1, 2, 3]
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == [name]


@pytest.mark.parametrize("logger", ["CSVLogger", "[CSVLogger, TensorBoardLogger]", "false"])
def test_checkpoints_of_a_resumed_run_stay_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logger: str
) -> None:
    """With any logger."""
    monkeypatch.chdir(tmp_path)
    train([*SMALL, "--pictures", "false"])
    moved = tmp_path / "backup" / "first"
    moved.parent.mkdir()
    shutil.move(RUN, moved)
    train([*SMALL, "--pictures", "false", "--trainer.max_epochs", "1"])
    other = files(RUN)
    (tmp_path / "logger.yaml").write_text(f"trainer: {{logger: {LOGGERS[logger]}}}")
    resume = ["--config", "logger.yaml", "--ckpt_path", str(moved / "checkpoints/last.ckpt")]
    train([*resume, "--trainer.max_epochs", "3"])
    assert files(RUN) == other
    assert epoch(moved / "checkpoints/last.ckpt") == 3
    assert json.loads((moved / "outcome.json").read_text())["epochs"] == 3


def test_a_run_is_resumed_twice_within_one_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time has a config of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda *_: "20260101_000000")
    train([*SMALL, "--pictures", "false", "--trainer.max_epochs", "1"])
    for epochs in ("2", "3", "4"):
        train(["--ckpt_path", str(LAST), "--trainer.max_epochs", epochs])
    configs = sorted(path.name for path in RUN.glob("config_resumed_*"))
    assert configs == [f"config_resumed_20260101_000000{number}.yaml" for number in ("", "_2", "_3")]


class CtrlC(L.Callback):
    """Interrupts a new run within its second epoch, at update 187."""

    exception: type[BaseException] = KeyboardInterrupt

    def on_train_batch_end(self, trainer: L.Trainer, *args: Any) -> None:
        if trainer.global_step == 187 and trainer.ckpt_path is None:
            raise self.exception


class Sigterm(CtrlC):
    exception = SIGTERMException


@pytest.mark.parametrize("interruption", [CtrlC, Sigterm])
def test_the_curve_of_an_interrupted_and_resumed_run_has_each_update_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], interruption: type[CtrlC]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # Lightning ignores further Ctrl-Cs, which pytest needs
    callback = f"--trainer.callbacks+={__name__}.{interruption.__name__}"
    with pytest.raises(SystemExit) as ended:
        train([*SMALL, "--trainer.log_every_n_steps", "25", callback])
    assert ended.value.code == (130 if interruption is CtrlC else 143)
    assert f"resume with:\npython -m mnist_mlp.train --ckpt_path {LAST}" in capsys.readouterr().out
    train(["--ckpt_path", str(LAST)])
    curves = scalars(RUN / "train")
    assert [x for x, _ in curves["2 by weight update/cost of a mini-batch"]] == list(range(25, 251, 25))
    assert [x for x, _ in curves["2 by weight update/1 average cost"]] == [125, 250]
    assert [x for x, _ in curves["1 by epoch/1 average cost"]] == [1, 2]
