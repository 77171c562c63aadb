"""`python -m mnist_mlp.train`: train the net, keep the best of its validation, test that once."""

import json
import logging
import os
import shlex
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback

from mnist_mlp.callbacks import CollapseWatch, CostWatch, InterruptNote, Progress, Speed
from mnist_mlp.checkpoint import RunCheckpoint, check_fits, checkpoints, read_checkpoint, run_folder
from mnist_mlp.data import MNISTData
from mnist_mlp.errors import EXIT_INTERRUPTED, InputError, one_sentence_errors
from mnist_mlp.files import write_whole
from mnist_mlp.logger import CostCurveLogger
from mnist_mlp.model import N_INPUTS, N_OUTPUTS, SigmoidMLP
from mnist_mlp.options import Parser
from mnist_mlp.pictures import DeformedDigits, Pictures

COMMAND = "python -m mnist_mlp.train"
CONFIG_FILE = "config.yaml"
OUTCOME_FILE = "outcome.json"

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
            SigmoidMLP,
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
            raise InputError(_about_the_trainer(error, config)) from error
        return trainer


def _about_the_trainer(error: Exception, config: Any) -> str:
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
    return [*watching, DeformedDigits()] if pictures else watching


def train(args: Sequence[str] | None = None) -> L.Trainer:
    """Run the command.

    Args:
        args: its options; None takes those of the process.

    Returns:
        The Trainer, whose `callback_metrics` hold the test split's figures.

    Raises:
        InputError: something given cannot be used.
        SystemExit: interrupted by Ctrl-C, code 130.
    """
    began = time.perf_counter()
    quieten()
    cli = TrainCLI(_with_the_settings_of_the_resumed_run(sys.argv[1:] if args is None else args))
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    data.setup()  # before the run has a folder, so that bad files leave none behind
    _check_takes_images(model)
    if cli.config.ckpt_path is not None:
        check_fits(read_checkpoint(cli.config.ckpt_path), model, cli.config.ckpt_path)
    _check_writable(trainer)
    if trainer.is_global_zero:
        print(_headline(cli), flush=True)
    try:
        with _folder_errors(trainer):
            trainer.fit(model, datamodule=data, ckpt_path=cli.config.ckpt_path, weights_only=True)
    except SystemExit:  # how Lightning ends a run that Ctrl-C interrupted
        sys.exit(EXIT_INTERRUPTED)
    fit_seconds = time.perf_counter() - began
    chosen = _chosen_checkpoint(trainer)
    trainer.test(model, datamodule=data, ckpt_path=chosen, weights_only=True, verbose=False)
    _log_outcome(cli, trainer)
    _write_outcome(trainer, chosen, fit_seconds)
    if trainer.is_global_zero:
        print(_summary(trainer, chosen, fit_seconds), flush=True)
    return trainer


def _check_takes_images(model: SigmoidMLP) -> None:
    """The net has an input neuron for each pixel and an output neuron for each digit."""
    n_inputs, n_outputs = model.hparams["n_inputs"], model.hparams["n_outputs"]
    if (n_inputs, n_outputs) != (N_INPUTS, N_OUTPUTS):
        raise InputError(
            f"n_inputs is {n_inputs} and n_outputs {n_outputs}, but these images have {N_INPUTS} pixels and show one "
            f"of {N_OUTPUTS} digits; leave both out."
        )


def _with_the_settings_of_the_resumed_run(args: Sequence[str]) -> list[str]:
    """`args`, preceded by the config that the run of --ckpt_path was started with; options given still win."""
    for i, arg in enumerate(args):
        path = arg.partition("=")[2] if arg.startswith("--ckpt_path=") else None
        if arg == "--ckpt_path" and i + 1 < len(args):
            path = args[i + 1]
        if path and (run := run_folder(path)) is not None:
            return ["--config", str(run / CONFIG_FILE), *args]
    return list(args)


def _check_writable(trainer: L.Trainer) -> None:
    """The run's folder can be made and written, which is found out now rather than after an epoch."""
    if not trainer.is_global_zero:
        return
    with _folder_errors(trainer):
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()


@contextmanager
def _folder_errors(trainer: L.Trainer) -> Iterator[None]:
    """A log or checkpoint that cannot be written is the user's to mend."""
    try:
        yield
    except OSError as error:
        where = error.filename or trainer.default_root_dir
        raise InputError(
            f"cannot write the run's files ({where}: {error.strerror or error}); make room, or start from a folder "
            "that can be written, or name one with --trainer.default_root_dir."
        ) from error


def _chosen_checkpoint(trainer: L.Trainer) -> str | None:
    """The best validation checkpoint; without a validation split the last one."""
    kept = [c for c in trainer.checkpoint_callbacks if isinstance(c, RunCheckpoint) and c.best_model_path]
    kept.sort(key=lambda c: (c.monitor is None, c.filename != "last"))
    return kept[0].best_model_path if kept else None


def _log_outcome(cli: TrainCLI, trainer: L.Trainer) -> None:
    """Settings and final figures for TensorBoard's HPARAMS tab, and the net for its GRAPHS tab."""
    if not isinstance(trainer.logger, CostCurveLogger):
        return
    outcome = {name: float(trainer.callback_metrics[name]) for name in ("test/cost", "test/accuracy")}
    trainer.logger.log_outcome({**cli.model.hparams, **cli.datamodule.hparams}, outcome)
    trainer.logger.finalize("success")


def _write_outcome(trainer: L.Trainer, checkpoint: str | None, seconds: float) -> None:
    """The run's final figures for programs, as JSON in its folder; in no folder if it has none."""
    folder = trainer.log_dir  # which all processes must ask for
    if not trainer.is_global_zero or folder is None or checkpoint is None:
        return
    outcome = {
        "test_accuracy": float(trainer.callback_metrics["test/accuracy"]),
        "test_cost": float(trainer.callback_metrics["test/cost"]),
        "tested_epoch": read_checkpoint(checkpoint)["epoch"] + 1,
        "epochs": trainer.current_epoch,
        "updates": trainer.global_step,
        "seconds": round(seconds, 1),
        "checkpoint": os.path.relpath(checkpoint, folder),
    }
    write_whole(Path(folder) / OUTCOME_FILE, json.dumps(outcome, indent=2).encode() + b"\n")


def _headline(cli: TrainCLI) -> str:
    model, data, trainer = cli.model, cli.datamodule, cli.trainer
    net = "-".join(str(n) for n in (784, *model.hparams["hidden_sizes"], 10))
    weights = sum(p.numel() for p in model.parameters())
    n = len(data.train_indices)
    return (
        f"net {net}, {weights:,} weights and biases; {n:,} training images in mini-batches of {data.batch_size:,}; "
        f"{trainer.max_epochs} epochs on {trainer.strategy.root_device}, seed {cli.config.seed_everything}"
    )


def _summary(trainer: L.Trainer, checkpoint: str | None, seconds: float) -> str:
    accuracy, cost = (
        float(trainer.callback_metrics["test/accuracy"]),
        float(trainer.callback_metrics["test/cost"]),
    )
    lines = [
        f"test accuracy {accuracy:.2%} (error {1 - accuracy:.2%}), average cost {cost:.5f}",
        f"trained in {seconds:.1f} s, {trainer.current_epoch} epochs, {trainer.global_step:,} weight updates",
    ]
    if checkpoint is not None:
        lines.append(f"checkpoint {os.path.relpath(checkpoint)}")
    if isinstance(trainer.logger, CostCurveLogger):
        lines.append(f"cost curve: tensorboard --logdir {shlex.quote(os.path.relpath(trainer.logger.root_dir))}")
    return "\n".join(lines)


def quieten() -> None:
    """Lightning's hints to the programmer are not for the one who runs the command."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated.*")
    # The scores are already those of all processes: torchmetrics sees to that.
    warnings.filterwarnings("ignore", message="It is recommended to use .*sync_dist=True.*")
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
    # MNISTData keeps how far the epoch has got, and goes on there.
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty.*")


def main() -> None:
    with one_sentence_errors():
        train()


if __name__ == "__main__":
    main()
