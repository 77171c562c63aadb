"""Interrupted and resumed runs of the training command."""

import re
from pathlib import Path

import pytest

from tests.command import FEW_IMAGES, SMALL, interrupt_after, run_train
from tests.training.run_files import LAST, RUN, assert_same_bits, scalars


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_interrupted_and_resumed_ends_with_the_same_bits(tmp_path: Path, engine: str) -> None:
    """Ctrl-C in a later epoch leaves a checkpoint and says so. The resumed run ends like an uninterrupted one."""
    options = ["--data.val_size", "50000", "--model.hidden_sizes", "[30]", "--trainer.max_epochs", "12"]
    options += ["--model.engine", engine, "--data.batch_size", "50" if engine == "autograd" else "8"]
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
    assert whole.stdout.splitlines()[-4] == resumed.stdout.splitlines()[-4]  # the test's figures
    # The resumed run continues in its folder: one curve, with each epoch once.
    assert [p.name for p in (tmp_path / "parts/lightning_logs").iterdir()] == ["version_0"]
    curve = scalars(tmp_path / "parts" / RUN / "train")["by_epoch/cost"]
    assert curve == scalars(tmp_path / "whole" / RUN / "train")["by_epoch/cost"]


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
