"""Trainer options that cannot be used are refused in one sentence, before the run has a folder."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from mnist_mlp.errors import InputError
from mnist_mlp.train import train
from tests.command import SMALL, run_train

REFUSED = {
    "--trainer.val_check_interval=126": "val_check_interval is 126, but an epoch has 125 mini-batches",
    "--trainer.limit_test_batches=0": "limit_test_batches is 0",
    "--trainer.limit_test_batches=0.0": "limit_test_batches is 0",
    "--trainer.limit_test_batches=0.1": "limit_test_batches is 0.1, which is less than one of the 4 batches",
    "--trainer.limit_val_batches=0.01": "limit_val_batches is 0.01, which is less than one of the 24 batches",
    "--trainer.limit_train_batches=0.001": "limit_train_batches is 0.001, which is less than one of the 125 batches",
    "--seed_everything=-1": "--seed_everything is -1; it takes a whole number from 0 to 4294967295",
    "--seed_everything=99999999999": "--seed_everything is 99999999999; it takes a whole number",
    "--trainer.accelerator=tpu": "--trainer.accelerator is tpu",
    "--trainer.devices=x": "--trainer.devices is 'x'; it takes a number of devices",
    "--trainer.devices=-7": "--trainer options: `devices`",
    "--trainer.devices=1000": "--trainer.devices is 1000.*on the CPU; give at most",
    "--trainer.devices=3000000000": "--trainer.devices is 3000000000, more than any machine has",
    "--trainer.callbacks=[{class_path: EarlyStopping, init_args: {monitor: val/cost, mode: least}}]": (
        "EarlyStopping cannot be used: `mode` can be min, max, got least"
    ),
    "--trainer.strategy=ddp_spawn": "strategy is ddp_spawn.*give ddp",
    "--trainer.strategy=ddp_fork": "strategy is ddp_fork.*give ddp",
    "--trainer.strategy=ddp_notebook": "strategy is ddp_notebook.*give ddp",
}


MISSING = {  # by the package that the option needs
    "wandb": ("--trainer.logger=WandbLogger", "WandbLogger cannot be used: Requirement 'wandb.*' not met; mend this"),
    "torch_xla": ("--trainer.strategy=xla", "--trainer options: Requirement 'torch_xla.*' not met"),
    "transformer_engine": ("--trainer.precision=transformer-engine", "--trainer options: .*'transformer_engine.*' not"),
}


@pytest.mark.parametrize("package", MISSING)
def test_an_option_that_needs_another_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    option, sentence = MISSING[package]
    test_refused_before_training(tmp_path, monkeypatch, option, sentence)


@pytest.mark.parametrize(("option", "sentence"), REFUSED.items())
def test_refused_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=sentence) as error:
        train([*SMALL, option])
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    assert not list(tmp_path.iterdir())


def test_a_negative_seed_after_a_space(tmp_path: Path) -> None:
    """Python's argparse could take it for an option."""
    result = run_train(tmp_path, "--seed_everything", "-1")
    assert result.returncode == 2
    assert result.stderr.startswith("mnist_mlp: error: --seed_everything is -1")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("callback", ["EarlyStopping", "ModelCheckpoint"])
def test_a_callback_that_monitors_an_unknown_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, callback: str
) -> None:
    """The error names the metrics that there are."""
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(f"trainer: {{callbacks: [{{class_path: {callback}, init_args: {{monitor: val_loss}}}}]}}")
    with pytest.raises(InputError, match=r"monitors val_loss, .*; give as monitor one of .*val/cost") as error:
        train(["--config", "c.yaml", *SMALL])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("interval", ["125", "0.5"])
def test_an_interval_within_the_epoch_is_taken(tmp_path: Path, interval: str) -> None:
    trainer = train([*SMALL, "--trainer.val_check_interval", interval, "--trainer.default_root_dir", str(tmp_path)])
    assert trainer.global_step == 250


def test_an_interval_over_epochs_is_taken(tmp_path: Path) -> None:
    options = ["--trainer.val_check_interval", "200", "--trainer.check_val_every_n_epoch", "null"]
    trainer = train([*SMALL, *options, "--trainer.default_root_dir", str(tmp_path)])
    assert trainer.global_step == 250
