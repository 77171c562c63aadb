"""The list of runs. The runs are copies of a real one, with other settings."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from mnist_mlp.errors import InputError
from mnist_mlp.runs import runs


@pytest.fixture
def folder(small_run: Path, tmp_path: Path) -> Path:
    """Four runs, oldest first: finished, interrupted after one epoch, interrupted in the first, without checkpoint."""
    run = small_run.parents[1]
    for i, (name, rate) in enumerate({"first": 20.0, "after_one": 10.0, "at_once": 20.0, "empty": 20.0}.items()):
        made = Path(shutil.copytree(run, tmp_path / "lightning_logs" / name))
        config = made / "config.yaml"
        settings = yaml.safe_load(config.read_text())
        settings["model"]["learning_rate"] = rate
        config.write_text(yaml.safe_dump(settings))
        os.utime(config, (i, i))
        if name != "first":
            (made / "outcome.json").unlink(missing_ok=True)
    write_last(tmp_path / "lightning_logs" / "after_one", epoch=0, updates=125)
    write_last(tmp_path / "lightning_logs" / "at_once", epoch=0, updates=0)
    shutil.rmtree(tmp_path / "lightning_logs" / "empty" / "checkpoints")
    outcome = {"test_accuracy": 0.9312, "epochs": 2, "seconds": 7.4}
    (tmp_path / "lightning_logs" / "first" / "outcome.json").write_text(json.dumps(outcome))
    return tmp_path / "lightning_logs"


def write_last(run: Path, epoch: int, updates: int) -> None:
    """Make the run's best checkpoint its last one, of this epoch."""
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    torch.save({**checkpoint, "epoch": epoch, "global_step": updates}, run / "checkpoints" / "last.ckpt")


LISTED = """\
run        test accuracy  end                                   model.learning_rate
first      93.12%         finished, 2 epochs, 7 s               20.0
after_one  -              interrupted or failed, 1 epochs       10.0
at_once    -              interrupted or failed, 0 epochs       20.0
empty      -              interrupted or failed, no checkpoint  20.0
"""


def test_the_list(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the folder, by the folder above it, and by default."""
    monkeypatch.chdir(folder.parent)
    for args in ([str(folder)], [str(folder.parent)], []):
        runs(args)
        assert capsys.readouterr().out == LISTED


def test_a_resumed_run_has_the_settings_of_its_last_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = yaml.safe_load((folder / "first" / "config.yaml").read_text())
    settings["trainer"]["max_epochs"] = 40
    (folder / "first" / "config_resumed_20260101_000000.yaml").write_text(yaml.safe_dump(settings))
    runs([str(folder)])
    lines = capsys.readouterr().out.splitlines()
    assert "trainer.max_epochs" in lines[0]
    assert " 40" in lines[1]


def test_a_run_in_progress(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While another process holds the lock of its folder, and not once that process has ended."""
    program = "import sys; from mnist_mlp.training.lock import run_lock; from pathlib import Path\n"
    program += "with run_lock(Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(folder / "after_one")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        runs([str(folder)])
        assert "in progress, 1 epochs" in capsys.readouterr().out
    runs([str(folder)])
    assert "in progress" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.yaml", "outcome.json", "checkpoints/last.ckpt"])
def test_damaged_files(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """A run with such a file is still listed."""
    for run in ("first", "after_one"):
        (folder / run / name).write_bytes(b"\xff[")
    runs([str(folder)])
    listed = {line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]}
    assert listed == {"first", "after_one", "at_once", "empty"}


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no run in"):
        runs([str(tmp_path)])
