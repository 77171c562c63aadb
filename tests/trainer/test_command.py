"""What Lightning notices during a run, `python -m mnist_mlp.train` says in one sentence."""

from pathlib import Path

import pytest

from mnist_mlp.errors import InputError
from mnist_mlp.train import train
from mnist_mlp.training.refusals import metric_errors
from tests.command import SMALL

QUICK = [*SMALL, "--pictures", "false"]


def refusal(folder: Path, *options: str) -> str:
    with pytest.raises(InputError) as error:
        train([*QUICK, "--trainer.default_root_dir", str(folder), *options])
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    return str(error.value)


@pytest.mark.usefixtures("read_once")
def test_a_callback_for_another_kind_of_net(tmp_path: Path) -> None:
    assert "a part named backbone" in refusal(tmp_path, "--trainer.callbacks+", "BackboneFinetuning")


def test_a_package_that_a_callback_needs_is_missing() -> None:
    with pytest.raises(InputError, match="needs `psutil`"), metric_errors():
        raise ModuleNotFoundError("DeviceStatsMonitor needs `psutil`. Install it.")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="a bug"), metric_errors():
        raise RuntimeError("a bug")
