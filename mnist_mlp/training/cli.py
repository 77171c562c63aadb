"""The options of the training command: LightningCLI with this project's net, data, logger and callbacks."""

import itertools
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ProgressBar
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.utilities import rank_zero_only

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.files import write_atomically
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.inference.find import run_folder
from mnist_mlp.monitoring.augmented_digits import AugmentedDigits
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.net_pictures import Pictures
from mnist_mlp.options import SEED, Parser, named_config
from mnist_mlp.training.checkpoints import AtomicCheckpointIO, InterruptNote, checkpoints
from mnist_mlp.training.help import RUN_OPTIONS
from mnist_mlp.training.launchers import use_launched
from mnist_mlp.training.processes import LostProcess
from mnist_mlp.training.progress import Progress, Speed
from mnist_mlp.training.record import RunRecord
from mnist_mlp.training.refusals import check_options, check_processes, class_errors, trainer_error
from mnist_mlp.training.requeue import Requeue, requeued_checkpoint, slurm_environment
from mnist_mlp.training.snapshots import Snapshots
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
    """Writes the run's settings into its folder: in UTF-8 on every system, and atomically."""

    counts_blocks = True  # looks on only, before training (fast/eligibility.py)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Write the file, once.

        Raises:
            InputError: the folder holds another run.
        """
        if self.already_saved:
            return
        path = Path(str(trainer.log_dir)) / self.config_filename  # a collective operation: every process takes part
        if trainer.strategy.broadcast(path.exists()):
            raise InputError(f"{path.parent} holds an earlier run; give the logger another version or name.")
        if trainer.is_global_zero:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, self.parser.dump(self.config, skip_none=False).encode())
        self.already_saved = True


class TrainParser(Parser, LightningArgumentParser):
    """LightningCLI's parser with this project's error messages."""

    def format_help(self, *args: Any, **kwargs: Any) -> str:
        """Return the help. The options of the engine follow those of the net; the Trainer's long list comes last."""
        groups: Any = self._action_groups  # argparse's own list
        groups.sort(key=lambda group: str(group.title).startswith("Customize every aspect"))
        for group in groups:
            group._group_actions.sort(key=lambda action: action.dest in ("model.engine", "model.skip_below"))
        return super().format_help(*args, **kwargs)


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
            parser_kwargs={
                "prog": COMMAND,
                "usage": "%(prog)s [options]",
                "description": "Train the sigmoid multilayer perceptron on MNIST.",
            },
            save_config_callback=SaveSettings,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse `args`. LightningCLI's own method warns if they are not those of the process."""
        self.command = list(sys.argv[1:] if args is None else args)
        self.config = parser.parse_args(_with_named_configs(self.command))
        # Not saved: the config of a run repeats it in another folder.
        self.run_name, self.config.name = self.config.name, None
        seed = self.config.seed_everything
        if not isinstance(seed, bool):  # true and false are allowed, too
            try:
                SEED(seed)
            except ValueError as error:
                raise InputError(f"--seed_everything is {seed}; it takes {SEED.__name__}.") from error

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the options that belong neither to the net nor to the data nor to the Trainer."""
        for name, (kind, default, text) in RUN_OPTIONS.items():
            parser.add_argument(f"--{name}", type=kind, default=default, help=text)

    def instantiate_classes(self) -> None:
        """Make net, data and Trainer.

        Raises:
            InputError: one of them, or a class that the options name, cannot be made.
        """
        with class_errors():
            super().instantiate_classes()

    def instantiate_trainer(self, **kwargs: Any) -> L.Trainer:
        """Make the Trainer, with this project's logger and callbacks unless the options turn them off.

        Raises:
            InputError: the Trainer refuses the options.
        """
        config = self.config_init["trainer"]
        check_options(config)
        use_launched(config, self.config.trainer, self.command)
        if (slurm := slurm_environment(config.plugins)) is not None:
            root = Path(config.default_root_dir or ".")
            self.config.ckpt_path = requeued_checkpoint(root, self.config.ckpt_path, self.command)
        self.resumed_run = run_folder(self.config.ckpt_path)
        if config.logger in (None, True):
            kwargs["logger"] = self._cost_curve_logger()
        elif self.run_name is not None:
            raise InputError("--name is for this project's own logger; leave out --name or --trainer.logger.")
        if config.logger is False:
            self.save_config_callback = None  # no logger, no run folder
        if self.resumed_run is not None:
            self.save_config_kwargs = {"config_filename": _config_of_resumed_run(self.resumed_run)}
        given = config.callbacks or []
        callbacks: list[Callback] = list(given) if isinstance(given, list) else [given]
        bar_given = any(isinstance(callback, ProgressBar) for callback in callbacks)  # the Trainer takes only one
        callbacks += watchers(self.config.pictures)
        callbacks.append(RunRecord(self.command, self.parser.dump(self.config), self.resumed_run))
        if self.config.snapshots:
            callbacks.append(Snapshots(self.resumed_run))
        if config.enable_progress_bar is not False and not bar_given:
            callbacks.append(Progress())
        if config.enable_checkpointing is not False and not config.fast_dev_run:
            folder = None if self.resumed_run is None else self.resumed_run / "checkpoints"
            callbacks += checkpoints(has_validation=self.config.data.val_size > 0, folder=folder)
        if slurm is not None:
            callbacks.append(Requeue(slurm, self.command))
        self.config_init["trainer"]["callbacks"] = callbacks
        try:
            trainer: L.Trainer = super().instantiate_trainer(**kwargs)
        except Exception as error:  # Lightning raises many kinds of errors for odd values
            raise trainer_error(error, config) from error
        check_processes(trainer)
        AtomicCheckpointIO.use_in(trainer)
        return trainer

    def _cost_curve_logger(self) -> CostCurveLogger:
        """The logger of a new run, or of a resumed one in its folder, whatever the folder is called."""
        options: dict[str, Any] = {"flush_secs": 10, "log_graph": True}
        if self.resumed_run is None:
            logger = CostCurveLogger(
                str(Path(self.config_init["trainer"].default_root_dir or ".")), version=self.run_name, **options
            )
            if self.run_name is not None:
                _check_name(self.run_name, Path(logger.root_dir))
            return logger
        # An interrupted run has logged updates that are made again.
        updates = read_checkpoint(self.config.ckpt_path).get("global_step", 0)
        return CostCurveLogger(
            str(self.resumed_run.parent),
            name="",
            version=self.resumed_run.name,
            purge_step=updates + 1,
            **options,
        )


def watchers(pictures: bool = True) -> list[Callback]:
    """The callbacks of every run; without `pictures`, those that draw nothing."""
    watching: list[Callback] = [Speed(), CostWatch(), CollapseWatch(), InterruptNote(COMMAND), LostProcess(COMMAND)]
    watching.append(Pictures(on=pictures))
    return [*watching, AugmentedDigits()] if pictures else watching


def with_settings_of_resumed_run(args: Sequence[str]) -> list[str]:
    """Return `args`, preceded by the config of the run of --ckpt_path. Options in `args` override it."""
    for i, arg in enumerate(args):
        path = arg.partition("=")[2] if arg.startswith("--ckpt_path=") else None
        if arg == "--ckpt_path" and i + 1 < len(args):
            path = args[i + 1]
        if path and (run := run_folder(os.path.expanduser(path))) is not None:
            return ["--config", str(run / CONFIG_FILE), *args]
    return list(args)


def _with_named_configs(args: Sequence[str]) -> list[str]:
    """Return `args` with each name of one of the project's configs replaced by its path."""
    found = []
    for before, arg in zip(["", *args], args, strict=False):
        option, equals, value = arg.partition("=")
        if before in ("--config", "-c"):
            arg = named_config(arg)
        elif option == "--config" and equals:
            arg = f"--config={named_config(value)}"
        found.append(arg)
    return found


def _check_name(name: str, runs: Path) -> None:
    """The name can be that of a new folder among the runs, on every system.

    Raises:
        InputError: it cannot, or there is such a folder.
    """
    if not re.fullmatch(r"\w([\w .+=-]*[\w+=-])?", name):
        raise InputError(f"--name is {name!r}; give letters, digits, or any of _ . + = - within the name.")
    if rank_zero_only.rank == 0 and (runs / name).exists():  # type: ignore[attr-defined]
        raise InputError(f"there is a run named {name} in {runs}; give another --name, or resume it with --ckpt_path.")


def _config_of_resumed_run(run: Path) -> str:
    """A new name for the settings of a resumed run. Its folder keeps the config of its start."""
    name = f"config_resumed_{time.strftime('%Y%m%d_%H%M%S')}"
    names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    return next(f"{name}.yaml" for name in names if not (run / f"{name}.yaml").exists())
