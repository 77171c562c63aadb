"""The quick help of the training command is read from the source code. It says what the command's parser takes."""

import re
from typing import Any, get_args, get_type_hints

import yaml

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.training.help import asked_for, quick_help
from tests.command import RunHere

NOT_SETTINGS = {"config", "print_config"}


def shown() -> dict[str, tuple[set[str], str]]:
    """The choices and the text of each option in the help, without the Trainer's."""
    lines = re.sub(r"\n {20,}", "  ", quick_help())
    found = re.findall(r"^  --([\w.]+)(?: \{(.*?)\})? +(.*)", lines.partition("The Trainer:")[0], re.MULTILINE)
    return {name: (set(re.findall(r"\w+", choices)), text) for name, choices, text in found}


def test_the_same_options_and_defaults(run_here: RunHere) -> None:
    printed = run_here("--print_config")
    assert printed.returncode == 0, printed.stderr
    settings: dict[str, Any] = yaml.safe_load(printed.stdout)
    del settings["trainer"]
    for section in ("model", "data"):
        settings.update({f"{section}.{name}": value for name, value in settings.pop(section).items()})
    assert set(shown()) == set(settings) | NOT_SETTINGS
    for name in settings:
        default = re.search(r"\(default: (.*)\)$", shown()[name][1])
        if default is None:
            assert name in ("model.n_inputs", "model.n_outputs")  # constants of model.py
        else:
            assert yaml.safe_load(default[1]) == settings[name], name


def test_the_same_choices() -> None:
    for section, owner in (("model", SigmoidMLP), ("model", FastSigmoidMLP), ("data", MNISTData)):
        for argument, kind in get_type_hints(owner.__init__).items():
            values = get_args(kind)
            words = set(values) if values and all(isinstance(value, str) for value in values) else set()
            if f"{section}.{argument}" in shown():
                assert shown()[f"{section}.{argument}"][0] == words, argument


def test_all_options(run_here: RunHere) -> None:
    """`--help all` prints LightningCLI's help, which lists the Trainer's options, too."""
    assert asked_for(["--config", "article", "-h"])
    assert not asked_for([])
    result = run_here("--help", "all")
    assert result.returncode == 0, result.stderr
    assert "--trainer.gradient_clip_val" in result.stdout
    assert "--model.bias" in result.stdout
