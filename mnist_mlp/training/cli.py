"""The options of the training command: LightningCLI with this project's net, data, logger and callbacks."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.inference.find import run_folder
from mnist_mlp.monitoring.augmented_digits import AugmentedDigits
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.net_pictures import Pictures
from mnist_mlp.options import Parser
from mnist_mlp.training.checkpoints import InterruptNote, checkpoints
from mnist_mlp.training.progress import Progress, Speed
from mnist_mlp.training.watchdogs import CollapseWatch, CostWatch

COMMAND = "python -m mnist_mlp.train"
CONFIG_FILE = "config.yaml"

# The Trainer's settings of the default run. Those of the net and the data are the defaults of their arguments.
TRAINER_DEFAULTS: dict[str, Any] = {
    "accelerator": "auto",
    "devices": 1,
    "max_epochs": 14,
    "log_every_n_steps": 100,
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,
}


class SaveSettings(SaveConfigCallback):
    """Writes the run's settings into its folder."""

    counts_blocks = True  # looks on only, before training (fast/eligibility.py)


class TrainParser(Parser, LightningArgumentParser):
    """LightningCLI's parser with this project's error messages."""


class TrainCLI(LightningCLI):
    """LightningCLI for FastSigmoidMLP on MNISTData. It makes net, data and Trainer, and runs nothing.

    Args:
        args: the options; None takes those of the process.

    Raises:
        InputError: an option cannot be used.
    """

    def __init__(self, args: Sequence[str] | None = None) -> None:
        super().__init__(
            FastSigmoidMLP,
            MNISTData,
            run=False,
            args=list(args) if args is not None else None,
            parser_class=TrainParser,
            parser_kwargs={"description": "Train the sigmoid multilayer perceptron on MNIST."},
            save_config_callback=SaveSettings,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse `args`. LightningCLI's own method warns if they are not those of the process."""
        self.config = parser.parse_args(args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options that belong neither to the net nor to the data nor to the Trainer."""
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="A checkpoint of an interrupted run, to resume that run."
        )
        parser.add_argument(
            "--pictures",
            type=bool,
            default=True,
            help="Draw the net in TensorBoard's IMAGES and HISTOGRAMS during training; false draws nothing.",
        )

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Make the Trainer, with this project's logger and callbacks unless the options turn them off.

        Raises:
            InputError: the Trainer refuses the options.
        """
        config = self.config_init["trainer"]
        resumed = run_folder(self.config.ckpt_path)
        if config.logger in (None, True):
            version = resumed.name if resumed else None
            save_dir = resumed.parent.parent if resumed else Path(config.default_root_dir or ".")
            kwargs["logger"] = CostCurveLogger(str(save_dir), version=version, flush_secs=10, log_graph=True)
        if config.logger is False:
            self.save_config_callback = None  # no logger, no run folder
        if resumed:
            # The resumed run continues in its folder, which keeps the config of its start.
            self.save_config_kwargs = {"config_filename": f"config_resumed_{time.strftime('%Y%m%d_%H%M%S')}.yaml"}
        callbacks: list[Callback] = list(config.callbacks or [])
        callbacks += watchers(self.config.pictures)
        if config.enable_progress_bar is not False:
            callbacks.append(Progress())
        if config.enable_checkpointing is not False and not config.fast_dev_run:
            callbacks += checkpoints(has_validation=self.config.data.val_size > 0)
        self.config_init["trainer"]["callbacks"] = callbacks
        try:
            trainer: L.Trainer = super().instantiate_trainer(**kwargs)
        except (MisconfigurationException, ValueError) as error:
            raise InputError(_trainer_error(error, config)) from error
        return trainer


def watchers(pictures: bool = True) -> list[Callback]:
    """The callbacks of every run; without `pictures`, those that draw nothing."""
    watching: list[Callback] = [Speed(), CostWatch(), CollapseWatch(), InterruptNote(COMMAND), Pictures(on=pictures)]
    return [*watching, AugmentedDigits()] if pictures else watching


def with_settings_of_resumed_run(args: Sequence[str]) -> list[str]:
    """Return `args`, preceded by the config of the run of --ckpt_path. Options in `args` override it."""
    for i, arg in enumerate(args):
        path = arg.partition("=")[2] if arg.startswith("--ckpt_path=") else None
        if arg == "--ckpt_path" and i + 1 < len(args):
            path = args[i + 1]
        if path and (run := run_folder(path)) is not None:
            return ["--config", str(run / CONFIG_FILE), *args]
    return list(args)


def _trainer_error(error: Exception, config: Any) -> str:
    """One sentence on why Lightning's Trainer refuses these settings."""
    if "backend found" in str(error) or "not available" in str(error):
        return (
            f"--trainer.accelerator is {config.accelerator}, but PyTorch finds no such device on this machine; leave "
            "the option out to use the best device there is."
        )
    reason = " ".join(str(error).split()).split(". ")[0].rstrip(".!")
    return f"the Trainer refuses these --trainer options: {reason}."
