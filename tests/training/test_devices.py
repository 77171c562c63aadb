"""The training command with several processes, and in bf16."""

import re
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.train import train
from tests.command import SMALL, run_train
from tests.training.run_files import LAST, RUN, scalars, weights


def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    """Two processes share each mini-batch. With the same global batch size they end with the same weights.

    Mini-batches of 45 do not divide evenly among two, nor 2,000 images into mini-batches of 45.
    """
    options = [*SMALL, "--data.batch_size", "45", "--trainer.log_every_n_steps", "5"]
    for name, processes in (("one", "1"), ("two", "2")):
        (tmp_path / name).mkdir()
        strategy = "ddp" if processes == "2" else "auto"
        result = run_train(tmp_path / name, *options, "--trainer.devices", processes, "--trainer.strategy", strategy)
        assert result.returncode == 0, result.stderr
    one, two = weights(tmp_path / "one" / LAST), weights(tmp_path / "two" / LAST)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    curves = [scalars(tmp_path / name / RUN / "train")["1 by epoch/1 average cost"] for name in ("one", "two")]
    assert [x for x, _ in curves[0]] == [x for x, _ in curves[1]] == [1, 2]
    assert [y for _, y in curves[0]] == pytest.approx([y for _, y in curves[1]], rel=1e-4)


def test_bf16_learns_with_float32_weights(tmp_path: Path) -> None:
    result = run_train(tmp_path, *SMALL, "--trainer.precision", "bf16-mixed")
    assert result.returncode == 0, result.stderr
    assert float(re.findall(r"test accuracy (\d+\.\d+)", result.stdout)[0]) > 60
    assert {w.dtype for w in weights(tmp_path / LAST).values()} == {torch.float32}


@pytest.mark.parametrize("precision", ["64-true", "64", "16-true", "bf16-true"])
def test_other_precisions_learn_and_have_a_graph(tmp_path: Path, precision: str) -> None:
    trainer = train([*SMALL, "--trainer.precision", precision, "--trainer.default_root_dir", str(tmp_path)])
    assert trainer.callback_metrics["test/accuracy"] > 0.6
    events = EventAccumulator(str(tmp_path / RUN))
    events.Reload()
    assert events.Tags()["graph"]
