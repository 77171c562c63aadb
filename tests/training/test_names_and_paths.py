"""The folder of a run: its name, ~ in paths, other drives; and what TensorBoard and YAML readers find in it."""

import os
import re
from pathlib import Path

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

from mnist_mlp.errors import InputError
from mnist_mlp.train import train
from tests.command import SMALL

# CSVLogger warns that the run's folder is not empty: it holds the settings already.
pytestmark = pytest.mark.filterwarnings("ignore:Experiment logs directory")

QUICK = [*SMALL, "--trainer.max_epochs", "1", "--pictures", "false"]


@pytest.fixture(autouse=True)
def start_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_with_a_name() -> None:
    """Its config repeats it in another folder."""
    train([*QUICK, "--name", "mine"])
    run = Path("lightning_logs/mine")
    assert (run / "outcome.json").is_file()
    with pytest.raises(InputError, match="there is a run named mine in lightning_logs"):
        train([*QUICK, "--name", "mine"])
    train(["--config", str(run / "config.yaml")])
    assert Path("lightning_logs/version_0/outcome.json").is_file()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "/", "-a", "a.", "a:b"])
def test_a_name_that_is_no_folder_name_on_every_system(name: str) -> None:
    with pytest.raises(InputError, match="--name is"):
        train([*QUICK, f"--name={name}"])
    assert not list(Path().iterdir())


def test_a_name_is_for_our_own_logger() -> None:
    with pytest.raises(InputError, match="leave out --name or --trainer"):
        train([*QUICK, "--name", "mine", "--trainer.logger", "false"])


def test_tilde_in_every_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a config and in options, for the run's folder, the logger's and the checkpoint to resume."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    (home / "c.yaml").write_text(
        "trainer: {default_root_dir: ~/runs, logger: {class_path: CSVLogger, init_args: {save_dir: ~/logs}}}"
    )
    train(["--config=~/c.yaml", *QUICK])
    assert (home / "logs/lightning_logs/version_0/metrics.csv").is_file()
    train([*QUICK, "--trainer.default_root_dir=~/runs"])
    last = "~/runs/lightning_logs/version_0/checkpoints/last.ckpt"
    assert train([f"--ckpt_path={last}", "--trainer.max_epochs", "2"]).global_step == 250
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_runs_on_another_drive(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On Windows there is no relative path from drive C: to drive D:. The paths are printed in full."""
    relpath = os.path.relpath

    def relpath_of_windows(path: str, start: str | os.PathLike[str] = os.curdir) -> str:
        if start == os.curdir:
            raise ValueError("path is on mount 'D:', start on mount 'C:'")
        return relpath(path, start)

    monkeypatch.setattr(os.path, "relpath", relpath_of_windows)
    train(QUICK)
    assert f"checkpoint {Path.cwd()}" in capsys.readouterr().out


def test_hparams_begin_with_what_differs_from_the_defaults() -> None:
    """Then come the hidden layers, the epochs and the seed."""
    train([*QUICK, "--data.rotation", "5", "--model.hidden_sizes", "[300]", "--trainer.max_epochs", "1"])
    (run,) = Path("lightning_logs").iterdir()
    assert yaml.safe_load((run / "hparams.yaml").read_text())["target_values"] == [0.0, 1.0]
    events = EventAccumulator(str(run))
    events.Reload()
    content = events.summary_metadata[metadata.EXPERIMENT_TAG].plugin_data.content
    names = [info.name for info in metadata.parse_experiment_plugin_data(content).hparam_infos]
    assert names[:7] == ["max_epochs", "learning_rate", "batch_size", "val_size", "rotation", "hidden_sizes", "seed"]
    assert len(names) == len(set(names)) > 20


def test_a_logger_whose_folder_holds_a_run() -> None:
    logger = ["--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", ".", "--trainer.logger.version", "mine"]
    train([*QUICK, *logger])
    before = Path("lightning_logs/mine/config.yaml").read_bytes()
    with pytest.raises(InputError, match=re.escape("mine holds an earlier run")):
        train([*QUICK, *logger, "--seed_everything", "1"])
    assert Path("lightning_logs/mine/config.yaml").read_bytes() == before
