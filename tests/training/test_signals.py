"""Signals end the training command with the exit code that shells expect, and with a note or nothing else."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT, SMALL, run_train
from tests.training.run_files import LAST, RUN

RESUME = f"python -m mnist_mlp.train --ckpt_path {LAST}"
EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143}


def options(sender: str, name: str, *more: str) -> list[str]:
    callback = [f"--trainer.callbacks+=tests.training.signalling.{sender}", f"--trainer.callbacks.name={name}"]
    return [*SMALL, "--pictures", "false", *callback, *more]


@pytest.mark.parametrize("name", EXIT_CODES)
def test_a_signal_in_training(tmp_path: Path, name: str) -> None:
    ended = run_train(tmp_path, *options("InTraining", name), PYTHONPATH=str(ROOT))
    assert ended.returncode == EXIT_CODES[name]
    assert f"Interrupted in epoch 2. {LAST} holds the end of the last complete epoch; resume with:\n{RESUME}\n" in (
        ended.stdout
    )
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("sender", "name"), [("InTest", "SIGINT"), ("InTest", "SIGTERM"), ("AfterLastStep", "SIGTERM")]
)
def test_a_signal_after_the_training(tmp_path: Path, sender: str, name: str) -> None:
    """No success without a result. The printed command tests the net."""
    ended = run_train(tmp_path, *options(sender, name), PYTHONPATH=str(ROOT))
    assert ended.returncode == EXIT_CODES[name]
    assert f"Interrupted after the training. {LAST} holds its end; test it with:\n{RESUME}\n" in ended.stdout
    assert ended.stderr == ""
    assert not (tmp_path / RUN / "outcome.json").exists()
    tested = run_train(tmp_path, "--ckpt_path", str(LAST), PYTHONPATH=str(ROOT), SIGNALS="off")
    assert tested.returncode == 0, tested.stderr
    assert (tmp_path / RUN / "outcome.json").exists()


@pytest.mark.parametrize("module", ["numpy", "torch.autograd", "lightning.fabric", "lightning.pytorch"])
def test_ctrl_c_during_imports(tmp_path: Path, module: str) -> None:
    """Python reports each import. Ctrl-C comes right after that of `module`, while others are imported."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "mnist_mlp.train", *SMALL],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if re.search(rf"\| +{re.escape(module)}$", line):
            break
    else:
        pytest.fail(f"{module} was not imported")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert output == ""
    assert [line for line in errors.splitlines() if not line.startswith("import time:")] == ["mnist_mlp: interrupted."]
