"""The command, `python -m mnist_mlp.train`: real runs in processes of their own, small in epochs and images."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.training.cli import TRAINER_DEFAULTS, TrainCLI
from tests.command import FEW_IMAGES, SMALL, interrupt_after, run_train, train_command

CONFIGS = Path(__file__).parents[2] / "configs"


def weights(checkpoint: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return state


def assert_same_bits(a: Path, b: Path) -> None:
    one, other = weights(a), weights(b)
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small run from a folder of its own, which is not the project's; the run's folder and what it printed."""
    folder = tmp_path_factory.mktemp("elsewhere")
    result = run_train(folder, *SMALL, "--trainer.log_every_n_steps", "25")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return folder / "lightning_logs" / "version_0", result.stdout


def test_prints_a_line_per_epoch_and_a_summary(run: tuple[Path, str]) -> None:
    """When the output is a file: plain lines, no bar."""
    lines = run[1].splitlines()
    assert lines[0].startswith("net 784-16-10, 12,730 weights and biases; 2,000 training images in mini-batches of 16")
    for number, line in enumerate(lines[1:3], 1):
        pattern = r"epoch +%d/2  train cost 0\.\d+ accuracy +\d+\.\d+%%  validation cost 0\.\d+ accuracy +\d+\.\d+%%  "
        assert re.match(pattern % number, line), line
    assert re.match(r"test accuracy \d+\.\d+% \(error \d+\.\d+%\), average cost 0\.\d+$", lines[3])
    assert re.match(r"trained in \d+\.\d s, 2 epochs, 250 weight updates$", lines[4])
    assert lines[5].endswith("lightning_logs/version_0/checkpoints/best.ckpt")
    assert lines[6].startswith("cost curve: tensorboard --logdir ")
    assert len(lines) == 7


def test_learns(run: tuple[Path, str]) -> None:
    """Far above the 10% of guessing, after two epochs over 2,000 images."""
    accuracy = re.search(r"test accuracy (\d+\.\d+)%", run[1])
    assert accuracy is not None
    assert float(accuracy[1]) > 60


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_tensorboard_reads_the_cost_curve(run: tuple[Path, str]) -> None:
    """Train and validation under the same names; the x-axis counts epochs, or weight updates, and is right."""
    train, validation = scalars(run[0] / "train"), scalars(run[0] / "validation")
    for name in ("cost", "accuracy"):
        for split in (train, validation):
            assert [x for x, _ in split[f"by_epoch/{name}"]] == [1, 2]
            assert [x for x, _ in split[f"by_update/{name}"]] == [125, 250]
            assert [y for _, y in split[f"by_epoch/{name}"]] == [y for _, y in split[f"by_update/{name}"]]
    assert [x for x, _ in train["by_update/mini_batch_cost"]] == list(range(25, 251, 25))
    assert [x for x, _ in train["by_update/learning_rate"]] == list(range(25, 251, 25))
    assert train["by_update/learning_rate"][0][1] == pytest.approx(20 * 25 / 125)  # a fifth of the warm-up epoch
    assert all(y > 0 for _, y in train["by_epoch/examples_per_second"])
    printed = re.findall(r"train cost (0\.\d+)", run[1])
    assert [f"{y:.5f}" for _, y in train["by_epoch/cost"]] == printed


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
    """Two runs with the same seed end with the same weights, bit for bit; another seed does not."""
    for name, seed in (("same", "0"), ("other", "1")):
        (tmp_path / name).mkdir()
        assert run_train(tmp_path / name, *SMALL, "--seed_everything", seed).returncode == 0
    last = Path("lightning_logs/version_0/checkpoints/last.ckpt")
    assert_same_bits(run[0] / "checkpoints/last.ckpt", tmp_path / "same" / last)
    with pytest.raises(AssertionError):
        assert_same_bits(run[0] / "checkpoints/last.ckpt", tmp_path / "other" / last)


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_interrupted_and_resumed_ends_with_the_same_bits(tmp_path: Path, engine: str) -> None:
    """Ctrl-C in a later epoch leaves a checkpoint and says so; resumed, the run ends as if never stopped."""
    options = ["--data.val_size", "50000", "--model.hidden_sizes", "[30]", "--trainer.max_epochs", "12"]
    options += ["--model.engine", engine, "--data.batch_size", "50" if engine == "autograd" else "8"]
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    code, output = interrupt_after(tmp_path / "parts", "epoch   3/12", *options)
    assert code == 130, output
    assert "Interrupted in epoch" in output
    assert "--ckpt_path lightning_logs/version_0/checkpoints/last.ckpt" in output
    assert "Traceback" not in output
    resumed = run_train(tmp_path / "parts", "--ckpt_path", "lightning_logs/version_0/checkpoints/last.ckpt")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stderr == ""
    assert "epoch  12/12" in resumed.stdout
    assert "epoch   3/12" not in resumed.stdout
    whole = run_train(tmp_path / "whole", *options)
    run_folder = Path("lightning_logs/version_0")
    for name in ("last.ckpt", "best.ckpt"):
        assert_same_bits(
            tmp_path / "whole" / run_folder / "checkpoints" / name,
            tmp_path / "parts" / run_folder / "checkpoints" / name,
        )
    assert whole.stdout.splitlines()[-4] == resumed.stdout.splitlines()[-4]  # the test's figures
    # The run went on in its folder, so that its curve is one curve, each epoch once.
    assert [p.name for p in (tmp_path / "parts/lightning_logs").iterdir()] == ["version_0"]
    curve = scalars(tmp_path / "parts" / run_folder / "train")["by_epoch/cost"]
    assert curve == scalars(tmp_path / "whole" / run_folder / "train")["by_epoch/cost"]


def test_interrupted_in_the_first_epoch_can_be_resumed(tmp_path: Path) -> None:
    options = ["--data.batch_size", "1", "--model.engine", "autograd", "--trainer.max_epochs", "1"]
    code, output = interrupt_after(tmp_path, "net 784", *options)
    assert code == 130, output
    if "--ckpt_path" in output:  # else it came before training began
        assert (tmp_path / "lightning_logs/version_0/checkpoints/last.ckpt").is_file()
        shorter = [*SMALL[:2], "--data.batch_size", "16"]
        resumed = run_train(tmp_path, "--ckpt_path", "lightning_logs/version_0/checkpoints/last.ckpt", *shorter)
        assert resumed.returncode == 0, resumed.stderr


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Two real processes share each mini-batch; with the same global batch they end with the same weights.

    Mini-batches of 45 do not divide evenly among two, nor 2,000 images into mini-batches of 45.
    """
    options = [*SMALL, "--data.batch_size", "45", "--trainer.log_every_n_steps", "5"]
    for name, processes in (("one", "1"), ("two", "2")):
        (tmp_path / name).mkdir()
        strategy = "ddp" if processes == "2" else "auto"
        result = run_train(tmp_path / name, *options, "--trainer.devices", processes, "--trainer.strategy", strategy)
        assert result.returncode == 0, result.stderr
    checkpoint = Path("lightning_logs/version_0/checkpoints/last.ckpt")
    one, two = weights(tmp_path / "one" / checkpoint), weights(tmp_path / "two" / checkpoint)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    curves = [scalars(tmp_path / name / "lightning_logs/version_0/train")["by_epoch/cost"] for name in ("one", "two")]
    assert [x for x, _ in curves[0]] == [x for x, _ in curves[1]] == [1, 2]
    assert [y for _, y in curves[0]] == pytest.approx([y for _, y in curves[1]], rel=1e-4)


def test_without_a_validation_split_the_last_epoch_is_tested(tmp_path: Path) -> None:
    options = [
        "--data.val_size",
        "0",
        "--model.hidden_sizes",
        "[]",
        "--trainer.max_epochs",
        "1",
        "--data.batch_size",
        "500",
    ]
    result = run_train(tmp_path, *options)
    assert result.returncode == 0, result.stderr
    assert "validation" not in result.stdout
    assert "checkpoints/last.ckpt" in result.stdout
    assert "net 784-10, 7,850 weights" in result.stdout


def test_a_run_without_logger_and_checkpoints(tmp_path: Path) -> None:
    """Lightning's own switches work: nothing is written."""
    result = run_train(
        tmp_path,
        *SMALL,
        "--trainer.logger",
        "false",
        "--trainer.enable_checkpointing",
        "false",
        "--trainer.enable_progress_bar",
        "false",
    )
    assert result.returncode == 0, result.stderr
    assert "test accuracy" in result.stdout
    assert "epoch " not in result.stdout.split("\n", 1)[1].split("trained in")[0]
    assert list(tmp_path.iterdir()) == []


def test_bf16_is_honoured(tmp_path: Path) -> None:
    """Weights stay float32, and the net learns."""
    result = run_train(tmp_path, *SMALL, "--trainer.precision", "bf16-mixed")
    assert result.returncode == 0, result.stderr
    assert float(re.findall(r"test accuracy (\d+\.\d+)", result.stdout)[0]) > 60
    state = weights(tmp_path / "lightning_logs/version_0/checkpoints/last.ckpt")
    assert {w.dtype for w in state.values()} == {torch.float32}


def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    """On a pseudo-terminal the bar counts the weight updates of the epoch."""
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


def settings(*args: str) -> dict[str, Any]:
    """What the command would run with, without running it."""
    cli = TrainCLI([*args, "--trainer.logger", "false"])
    config: dict[str, Any] = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False))
    return config


def test_default_config_shows_the_defaults() -> None:
    """configs/default.yaml names every setting of the net, the data and the run as the code has them."""
    shown = yaml.safe_load((CONFIGS / "default.yaml").read_text())
    defaults = settings()
    assert shown["model"] == defaults["model"]
    assert shown["data"] == defaults["data"]
    assert shown["seed_everything"] == defaults["seed_everything"]
    assert shown["pictures"] == defaults["pictures"]
    assert shown["trainer"].items() <= defaults["trainer"].items()
    silent = {"num_sanity_val_steps", "enable_model_summary"}
    assert shown["trainer"].keys() == TRAINER_DEFAULTS.keys() - silent


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_makes_its_net(config: Path) -> None:
    """Each config is read, and says something about the net and where its numbers come from."""
    made = settings("--config", str(config))
    net = FastSigmoidMLP(**made["model"])
    MNISTData(**made["data"])
    assert net(torch.zeros(2, 784)).shape == (2, 10)
    assert config.read_text().startswith("#")


def test_print_config_and_help(tmp_path: Path) -> None:
    printed = run_train(tmp_path, "--print_config")
    assert printed.returncode == 0
    assert yaml.safe_load(printed.stdout)["model"]["hidden_sizes"] == [300]
    shown = run_train(tmp_path, "--help")
    assert shown.returncode == 0
    for option in ("--model.hidden_sizes", "--data.batch_size", "--trainer.max_epochs", "--ckpt_path"):
        assert option in shown.stdout
    assert not list(tmp_path.iterdir())
    assert FEW_IMAGES


def test_a_resumed_run_remembers_its_best_epoch(tmp_path: Path) -> None:
    """Also where its folder was moved in between: a later epoch that is worse does not take the place of the best."""
    options = [
        *FEW_IMAGES,
        "--model.hidden_sizes",
        "[16]",
        "--model.lr_schedule",
        "constant",
        "--model.init",
        "nielsen",
    ]
    (tmp_path / "before").mkdir()
    assert run_train(tmp_path / "before", *options, "--trainer.max_epochs", "5").returncode == 0
    (tmp_path / "before").rename(tmp_path / "after")
    checkpoints = tmp_path / "after/lightning_logs/version_0/checkpoints"
    best = (checkpoints / "best.ckpt").read_bytes()
    spoilt = ["--model.learning_rate", "1e-3", "--data.batch_size", "full", "--trainer.max_epochs", "6"]
    result = run_train(tmp_path / "after", "--ckpt_path", str(checkpoints / "last.ckpt"), *spoilt)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    scores = [float(x) for x in re.findall(r"validation cost 0\.\d+ accuracy +(\d+\.\d+)%", result.stdout)]
    assert len(scores) == 1
    assert (checkpoints / "best.ckpt").read_bytes() == best
