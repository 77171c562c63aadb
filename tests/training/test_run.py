"""The training command, run in a process of its own: what it prints and writes."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.train import train
from tests.command import SMALL, run_train, train_command
from tests.training.run_files import LAST, RUN, assert_same_bits, scalars


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small run, started outside the project: its folder and its output."""
    folder = tmp_path_factory.mktemp("elsewhere")
    result = run_train(folder, *SMALL, "--trainer.log_every_n_steps", "25")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder / RUN, result.stdout


def test_prints_a_line_per_epoch_and_a_summary(run: tuple[Path, str]) -> None:
    """Output that is not a terminal gets plain lines and no bar."""
    lines = run[1].splitlines()
    assert lines[0].startswith("net 784-16-10, 12,730 weights and biases; 2,000 training images in mini-batches of 16")
    for number, line in enumerate(lines[1:3], 1):
        pattern = r"epoch +%d/2  train cost 0\.\d+ accuracy +\d+\.\d+%%  validation cost 0\.\d+ accuracy +\d+\.\d+%%  "
        assert re.match(pattern % number, line), line
    assert re.match(r"test accuracy \d+\.\d+% \(error \d+\.\d+%\), average cost 0\.\d+$", lines[3])
    assert re.match(r"trained in \d+\.\d s, 2 epochs, 250 weight updates$", lines[4])
    assert lines[5].endswith("lightning_logs/version_0/checkpoints/best.ckpt")
    assert lines[6].startswith("cost curve: tensorboard --logdir ")
    assert re.match(r"then open http://localhost:6006/\?\S+$", lines[7])
    assert len(lines) == 8


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    """On a pseudo-terminal a bar counts the weight updates of the epoch."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    process = subprocess.Popen(train_command(*SMALL), cwd=tmp_path, stdout=slave, stderr=slave)
    os.close(slave)
    output = b""
    while True:
        ready, _, _ = select.select([master], [], [], 120)
        try:
            chunk = os.read(master, 65536) if ready else b""
        except OSError:
            break
        if not chunk:
            break
        output += chunk
    assert process.wait(timeout=60) == 0, output
    text = output.decode()
    assert "epoch 1/2" in text
    assert "/125" in text  # updates of an epoch
    assert "epoch   2/2  train cost" in text


def test_learns(run: tuple[Path, str]) -> None:
    """Two epochs over 2,000 images reach far more than the 10% of guessing."""
    accuracy = re.search(r"test accuracy (\d+\.\d+)%", run[1])
    assert accuracy is not None
    assert float(accuracy[1]) > 60


def test_tensorboard_reads_the_cost_curve(run: tuple[Path, str]) -> None:
    """Train and validation have the same names. The x-axis counts epochs or weight updates, both correctly."""
    train, validation = scalars(run[0] / "train"), scalars(run[0] / "validation")
    for name in ("1 average cost", "2 accuracy"):
        for split in (train, validation):
            assert [x for x, _ in split[f"1 by epoch/{name}"]] == [1, 2]
            assert [x for x, _ in split[f"2 by weight update/{name}"]] == [125, 250]
            assert [y for _, y in split[f"1 by epoch/{name}"]] == [y for _, y in split[f"2 by weight update/{name}"]]
    assert [x for x, _ in train["2 by weight update/cost of a mini-batch"]] == list(range(25, 251, 25))
    assert [x for x, _ in train["2 by weight update/learning rate"]] == list(range(25, 251, 25))
    _, first_rate = train["2 by weight update/learning rate"][0]
    assert first_rate == pytest.approx(20 * 25 / 125)  # a fifth of the warm-up epoch
    assert all(y > 0 for _, y in train["1 by epoch/examples per second"])
    printed = re.findall(r"train cost (0\.\d+)", run[1])
    assert [f"{y:.5f}" for _, y in train["1 by epoch/1 average cost"]] == printed


def test_tensorboard_has_the_graph_and_the_hyper_parameters(run: tuple[Path, str]) -> None:
    events = EventAccumulator(str(run[0]))
    events.Reload()
    assert events.Tags()["graph"]
    hparams = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content.decode(errors="ignore")
    for name in ("learning_rate", "hidden_sizes", "batch_size"):
        assert name in hparams
    assert [round(e.value, 4) for e in events.Scalars("test/accuracy")] == [
        round(float(re.findall(r"test accuracy (\d+\.\d+)", run[1])[0]) / 100, 4)
    ]


def test_same_seed_same_bits(run: tuple[Path, str], tmp_path: Path) -> None:
    """Two runs with the same seed end with exactly the same weights; a run with another seed does not."""
    for name, seed in (("same", "0"), ("other", "1")):
        (tmp_path / name).mkdir()
        assert run_train(tmp_path / name, *SMALL, "--seed_everything", seed).returncode == 0
    assert_same_bits(run[0] / "checkpoints/last.ckpt", tmp_path / "same" / LAST)
    with pytest.raises(AssertionError):
        assert_same_bits(run[0] / "checkpoints/last.ckpt", tmp_path / "other" / LAST)


def test_without_a_validation_split_the_last_epoch_is_tested(tmp_path: Path) -> None:
    result = run_train(
        tmp_path,
        *["--data.val_size", "0", "--data.batch_size", "500"],
        *["--model.hidden_sizes", "[]", "--trainer.max_epochs", "1"],
    )
    assert result.returncode == 0, result.stderr
    assert "validation" not in result.stdout
    assert "checkpoints/last.ckpt" in result.stdout
    assert "net 784-10, 7,850 weights" in result.stdout


def test_a_run_without_logger_and_checkpoints(tmp_path: Path) -> None:
    """With Lightning's own switches off, nothing is written."""
    result = run_train(
        tmp_path,
        *SMALL,
        *["--trainer.logger", "false", "--trainer.enable_checkpointing", "false"],
        *["--trainer.enable_progress_bar", "false"],
    )
    assert result.returncode == 0, result.stderr
    assert "test accuracy" in result.stdout
    assert "epoch " not in result.stdout.split("\n", 1)[1].split("trained in")[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("engine", ["auto", "closed_form"])
def test_the_command_trains_in_closed_form(tmp_path: Path, engine: str) -> None:
    """None of the command's own callbacks sends it back to autograd: 125 updates of an epoch are one block."""
    trainer = train([*SMALL, "--model.engine", engine, "--trainer.default_root_dir", str(tmp_path)])
    net = trainer.lightning_module
    assert isinstance(net, FastSigmoidMLP)
    assert net.uses_closed_form
    assert trainer.num_training_batches == 1
    assert trainer.global_step == 250
