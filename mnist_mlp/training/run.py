"""A run of the training command, from its options to its outcome."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import lightning as L
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mnist_mlp.data.datamodule import EVALUATION_BATCH_SIZE
from mnist_mlp.errors import EXIT_INTERRUPTED, InputError
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.inference.load import check_fits
from mnist_mlp.model import N_INPUTS, N_OUTPUTS, SigmoidMLP
from mnist_mlp.training.checkpoints import InterruptNote, chosen_checkpoint
from mnist_mlp.training.cli import TrainCLI, with_settings_of_resumed_run
from mnist_mlp.training.lock import run_lock
from mnist_mlp.training.processes import checkpoint_of_test, ends_with_others
from mnist_mlp.training.quiet import silence_lightning
from mnist_mlp.training.refusals import check_limits, check_validation_interval, metric_errors
from mnist_mlp.training.report import headline, log_outcome, summary, write_outcome
from mnist_mlp.training.requeue import forget_job

EXIT_TERMINATED = 143  # 128 + SIGTERM, as shells report it


def run(args: Sequence[str]) -> L.Trainer:
    """Train and test a net, as `train` in train.py says."""
    began = time.perf_counter()
    silence_lightning()
    cli = TrainCLI(with_settings_of_resumed_run(args))
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    with ExitStack() as lock:
        lock.enter_context(ends_with_others(trainer))
        if trainer.is_global_zero:
            lock.enter_context(run_lock(cli.resumed_run))
        data.setup()  # now, so that bad data files leave no run folder behind
        _check_takes_images(model)
        batches = math.ceil(len(data.train_indices) / data.batch_size)
        evaluated = {"val": data.val_indices, "test": data.test_indices}
        check_limits(
            trainer,
            train=batches,
            **{split: math.ceil(len(indices) / EVALUATION_BATCH_SIZE) for split, indices in evaluated.items()},
        )
        check_validation_interval(trainer, batches)
        if cli.config.ckpt_path is not None:
            check_fits(read_checkpoint(cli.config.ckpt_path), model, cli.config.ckpt_path)
        folder = _make_writable_folder(trainer)
        if cli.resumed_run is None:
            for logger in trainer.loggers:
                getattr(logger, "experiment", None)  # makes its files now: a CSVLogger warns of a folder with a file
            lock.enter_context(run_lock(folder))
        if trainer.is_global_zero:
            print(headline(cli), flush=True)
        with _exit_codes(trainer), _folder_errors(trainer), metric_errors():
            trainer.fit(model, datamodule=data, ckpt_path=cli.config.ckpt_path, weights_only=True)
        seconds = time.perf_counter() - began
        chosen = chosen_checkpoint(trainer)
        with _exit_codes(trainer), metric_errors():
            of_test = checkpoint_of_test(trainer, model, chosen)
            trainer.test(model, datamodule=data, ckpt_path=of_test, weights_only=True, verbose=False)
        with _folder_errors(trainer):
            log_outcome(cli, trainer)
            write_outcome(trainer, chosen, seconds, cli.resumed_run)
        forget_job(trainer)
        if trainer.is_global_zero:
            print(summary(trainer, chosen, seconds), flush=True)
    return trainer


@contextmanager
def _exit_codes(trainer: L.Trainer) -> Iterator[None]:
    """End the process as shells expect it after a signal.

    Raises:
        SystemExit: with code 130 after Ctrl-C, 143 after SIGTERM.
    """
    try:
        yield
    except SIGTERMException:
        sys.exit(EXIT_TERMINATED)
    except SystemExit:  # Lightning's answer to Ctrl-C
        sys.exit(EXIT_INTERRUPTED)
    if trainer.received_sigterm:  # after the last step, where Lightning no longer looks
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, InterruptNote):
                callback.print_note(trainer)
        sys.exit(EXIT_TERMINATED)


def _check_takes_images(model: SigmoidMLP) -> None:
    """The net has an input neuron for each pixel and an output neuron for each digit."""
    n_inputs, n_outputs = model.hparams["n_inputs"], model.hparams["n_outputs"]
    if (n_inputs, n_outputs) != (N_INPUTS, N_OUTPUTS):
        raise InputError(
            f"n_inputs is {n_inputs} and n_outputs {n_outputs}, but the images have {N_INPUTS} pixels and show one "
            f"of {N_OUTPUTS} digits; leave both out."
        )


def _make_writable_folder(trainer: L.Trainer) -> Path | None:
    """Create the run's folder and check that it can be written. Otherwise the first checkpoint would fail.

    Returns:
        The folder of the run; None without a logger, and in all processes but the first.

    Raises:
        InputError: the folder cannot be used.
    """
    if not trainer.is_global_zero:
        return None
    with _folder_errors(trainer):
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    return folder if trainer.loggers else None


@contextmanager
def _folder_errors(trainer: L.Trainer) -> Iterator[None]:
    """Turn an OSError into an InputError that names the file."""
    try:
        yield
    except BrokenPipeError:
        raise  # the reader of stdout has ended, which is no file
    except OSError as error:
        where = error.filename or trainer.default_root_dir
        raise InputError(
            f"cannot write the run's files ({where}: {error.strerror or error}); make room, start in a folder that "
            "can be written, or name one with --trainer.default_root_dir."
        ) from error
