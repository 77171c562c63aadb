"""What the training command prints with options of Lightning's Trainer."""

import re
from pathlib import Path

import pytest

from mnist_mlp.train import train
from tests.command import FEW_IMAGES, SMALL, run_train


def test_what_was_asked_for_is_printed(tmp_path: Path) -> None:
    """Lightning's other messages are not."""
    (tmp_path / "c.yaml").write_text(
        "trainer: {callbacks: [{class_path: EarlyStopping, init_args: {monitor: val/cost, verbose: true}}]}"
    )
    asked = ["--config", "c.yaml", "--trainer.profiler", "simple", "--trainer.enable_model_summary", "true"]
    result = run_train(tmp_path, *asked, *SMALL)
    assert result.returncode == 0, result.stderr
    assert "FIT Profiler Report" in result.stderr
    assert "Metric val/cost improved." in result.stderr
    assert "Trainable params" in result.stdout + result.stderr
    for hint in ("available", "Tip", "Trainer.fit", "Seed set", "Restor", "Loaded"):
        assert hint not in result.stderr


def test_hints_on_precision_and_limits_are_not_printed(tmp_path: Path) -> None:
    result = run_train(tmp_path, *SMALL, "--trainer.precision", "bf16-mixed", "--trainer.limit_test_batches", "1")
    assert (result.returncode, result.stderr) == (0, "")


def epoch_lines(options: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The headline and the lines of the epochs."""
    train([*FEW_IMAGES, "--pictures", "false", "--trainer.default_root_dir", str(folder), *options])
    lines = capsys.readouterr().out.splitlines()
    return [lines[0], *(line for line in lines if line.startswith("epoch"))]


@pytest.mark.parametrize(
    ("options", "engine"),
    [
        ([], "in closed form"),
        (["--model.engine", "autograd"], "by autograd"),
        (["--trainer.gradient_clip_val", "1"], "by autograd, because gradients are clipped"),
    ],
)
def test_the_first_line_says_how_the_gradient_is_computed(
    options: list[str], engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And why not in the closed form."""
    lines = epoch_lines(["--trainer.max_epochs", "1", *options], tmp_path, capsys)
    assert lines[0].endswith(f"; gradient {engine}")


def test_a_line_shows_validation_only_if_the_epoch_was_validated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    every_second = ["--trainer.check_val_every_n_epoch", "2", "--trainer.max_epochs", "5"]
    lines = epoch_lines(every_second, tmp_path, capsys)[1:]
    assert all("train cost" in line for line in lines)
    assert ["validation" in line for line in lines] == [False, True, False, True, False]


def test_a_run_limited_by_weight_updates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ["--trainer.max_epochs", "-1", "--trainer.max_steps", "1200", "--data.batch_size", "2"]
    headline, *lines = epoch_lines(limits, tmp_path, capsys)
    assert "; 1,200 weight updates on " in headline
    assert len(lines) == 2
    for number, line in enumerate(lines, 1):
        assert re.match(rf"epoch   {number}  train cost ", line)


def test_a_progress_bar_in_the_config_replaces_the_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--trainer.max_epochs", "1", "--trainer.callbacks+=TQDMProgressBar"]
    assert len(epoch_lines(options, tmp_path, capsys)) == 1  # the headline
