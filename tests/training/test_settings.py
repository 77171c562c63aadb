"""The settings of the training command: defaults, configs and --print_config."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.training.cli import TRAINER_DEFAULTS, TrainCLI
from tests.command import ROOT, run_train

CONFIGS = ROOT / "configs"


def settings(*args: str) -> dict[str, Any]:
    """The settings that the command would run with, as a YAML file has them."""
    config = TrainCLI([*args, "--trainer.logger", "false"]).config
    parts = {name: config[name] for name in ("seed_everything", "pictures", "snapshots")}
    parts |= {name: config[name].as_dict() for name in ("model", "data", "trainer")}
    made: dict[str, Any] = json.loads(json.dumps(parts))
    return made


def test_default_config_shows_the_defaults() -> None:
    """configs/default.yaml names every setting of the net and the data, and those of the run, with their defaults."""
    shown = yaml.safe_load((CONFIGS / "default.yaml").read_text())
    defaults = settings()
    assert shown["model"] == defaults["model"]
    assert shown["data"] == defaults["data"]
    assert shown["seed_everything"] == defaults["seed_everything"]
    for name in ("pictures", "snapshots"):
        assert shown[name] == defaults[name]
    assert shown["trainer"].items() <= defaults["trainer"].items()
    silent = {"num_sanity_val_steps", "enable_model_summary"}
    assert shown["trainer"].keys() == TRAINER_DEFAULTS.keys() - silent


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_makes_its_net(config: Path) -> None:
    """Each config can be read. It begins with a comment on the net and the source of its numbers."""
    made = settings("--config", str(config), "--data.data_dir", ".")  # own-pictures.yaml leaves it to the user
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
    # The project's own options come first; the engine's follow the net's.
    order = ["--config", "--ckpt_path", "--name", "--pictures", "--model.hidden_sizes", "--model.engine"]
    order += ["--data.batch_size", "--trainer.max_epochs"]
    places = [shown.stdout.index(f"  {option}" if option != "--config" else option) for option in order]
    assert places == sorted(places)


def test_a_config_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any folder, and in each form of the option."""
    monkeypatch.chdir(tmp_path)
    expected = settings("--config", str(CONFIGS / "nielsen-30.yaml"))
    for given in (["--config", "nielsen-30"], ["--config=nielsen-30"], ["-c", "nielsen-30.yaml"]):
        assert settings(*given) == expected
