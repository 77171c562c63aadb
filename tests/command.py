"""Running the real command in a real process, as a user does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

# A Trainer that writes and prints nothing.
QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}

FEW_IMAGES = ["--data.val_size", "58000"]  # leaves 2,000 to train on
SMALL = [  # two epochs of 125 weight updates
    *FEW_IMAGES,
    *["--model.hidden_sizes", "[16]", "--model.learning_rate", "20", "--data.batch_size", "16"],
    *["--trainer.max_epochs", "2", "--trainer.accelerator", "cpu"],
]


RunHere = Callable[..., "subprocess.CompletedProcess[str]"]  # the fixture `run_here` in conftest.py


def train_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "mnist_mlp.train", *options]


def run_train(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m mnist_mlp.train OPTIONS` in `folder`."""
    return subprocess.run(
        train_command(*options),
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def interrupt_after(folder: Path, text: str, *options: str) -> tuple[int, str]:
    """Start the command, send Ctrl-C once its output holds `text`; the exit code and all output."""
    process = subprocess.Popen(
        train_command(*options), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    seen, deadline = "", time.monotonic() + 120
    while text not in seen and time.monotonic() < deadline:
        line = process.stdout.readline()
        if not line:
            break
        seen += line
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    return process.returncode, seen + rest


def assert_one_sentence(result: "subprocess.CompletedProcess[str]", *words: str) -> None:
    """One line on stderr that names the problem; no traceback; exit code 2."""
    assert result.returncode == 2, result.stdout + result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mnist_mlp: error: ")
    for word in words:
        assert word in lines[0], f"{word!r} not in {lines[0]!r}"
