"""TODO training.cli."""

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

# The Trainer's settings of the default run; the net's and the data's are the defaults of their arguments.
TRAINER_DEFAULTS: dict[str, Any] = {
    "accelerator": "auto",
    "devices": 1,
    "max_epochs": 14,
    "log_every_n_steps": 100,
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,
}


class TrainParser(Parser, LightningArgumentParser):
    """LightningCLI's parser, with this project's errors."""


class TrainCLI(LightningCLI):
    """LightningCLI with this project's logger, callbacks and checkpoints."""

    def __init__(self, args: Sequence[str] | None = None) -> None:
        super().__init__(
            FastSigmoidMLP,
            MNISTData,
            run=False,
            args=list(args) if args is not None else None,
            parser_class=TrainParser,
            parser_kwargs={"description": "Train the sigmoid multilayer perceptron on MNIST."},
            save_config_callback=SaveConfigCallback,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """LightningCLI's own warns of arguments that do not come straight from the command line."""
        self.config = parser.parse_args(args)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="A checkpoint of an earlier run to go on from."
        )
        parser.add_argument(
            "--pictures",
            type=bool,
            default=True,
            help="Show the net in TensorBoard's IMAGES and HISTOGRAMS while it is trained; false draws nothing.",
        )

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        config = self.config_init["trainer"]
        resumed = run_folder(self.config.ckpt_path)
        if config.logger in (None, True):
            version = resumed.name if resumed else None
            save_dir = resumed.parent.parent if resumed else Path(config.default_root_dir or ".")
            kwargs["logger"] = CostCurveLogger(str(save_dir), version=version, flush_secs=10, log_graph=True)
        if config.logger is False:
            self.save_config_callback = None  # there is no run folder to save it in
        if resumed:
            # The run goes on in its folder, beside the settings that it began with.
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


def _trainer_error(error: Exception, config: Any) -> str:
    """One sentence on why Lightning's Trainer cannot be had with these settings."""
    if "backend found" in str(error) or "not available" in str(error):
        return (
            f"--trainer.accelerator is {config.accelerator}, but this machine has none that PyTorch can use; "
            "leave the option out to take what there is."
        )
    reason = " ".join(str(error).split()).split(". ")[0].rstrip(".!")
    return f"the Trainer cannot be made with these --trainer options: {reason}."


def watchers(pictures: bool = True) -> list[Callback]:
    """What watches every run (mnist_mlp/callbacks.py, mnist_mlp/pictures.py), with or without drawing it."""
    watching: list[Callback] = [Speed(), CostWatch(), CollapseWatch(), InterruptNote(COMMAND), Pictures(on=pictures)]
    return [*watching, AugmentedDigits()] if pictures else watching


def with_settings_of_resumed_run(args: Sequence[str]) -> list[str]:
    """`args`, preceded by the config that the run of --ckpt_path was started with; options given still win."""
    for i, arg in enumerate(args):
        path = arg.partition("=")[2] if arg.startswith("--ckpt_path=") else None
        if arg == "--ckpt_path" and i + 1 < len(args):
            path = args[i + 1]
        if path and (run := run_folder(path)) is not None:
            return ["--config", str(run / CONFIG_FILE), *args]
    return list(args)
