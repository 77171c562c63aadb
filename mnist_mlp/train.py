"""`python -m mnist_mlp.train`: train a net, choose its best epoch on the validation split, test that one once."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lightning as L

from mnist_mlp.errors import EXIT_INTERRUPTED, InputError, run_command
from mnist_mlp.inference.load import check_fits, read_checkpoint
from mnist_mlp.model import N_INPUTS, N_OUTPUTS, SigmoidMLP
from mnist_mlp.training.checkpoints import chosen_checkpoint
from mnist_mlp.training.cli import TrainCLI, with_settings_of_resumed_run
from mnist_mlp.training.quiet import silence_lightning
from mnist_mlp.training.refusals import check_validation_interval, metric_errors
from mnist_mlp.training.report import headline, log_outcome, summary, write_outcome


def train(args: Sequence[str] | None = None) -> L.Trainer:
    """Run the command.

    Args:
        args: the options; None takes those of the process.

    Returns:
        The Trainer. Its `callback_metrics` hold the metrics of the test split.

    Raises:
        InputError: an option, a file or a folder cannot be used.
        SystemExit: after Ctrl-C, with code 130.
    """
    began = time.perf_counter()
    silence_lightning()
    cli = TrainCLI(with_settings_of_resumed_run(sys.argv[1:] if args is None else args))
    trainer, model, data = cli.trainer, cli.model, cli.datamodule
    data.setup()  # now, so that bad data files leave no run folder behind
    _check_takes_images(model)
    check_validation_interval(trainer, math.ceil(len(data.train_indices) / data.batch_size))
    if cli.config.ckpt_path is not None:
        check_fits(read_checkpoint(cli.config.ckpt_path), model, cli.config.ckpt_path)
    _check_writable(trainer)
    if trainer.is_global_zero:
        print(headline(cli), flush=True)
    try:
        with _folder_errors(trainer), metric_errors():
            trainer.fit(model, datamodule=data, ckpt_path=cli.config.ckpt_path, weights_only=True)
    except SystemExit:  # Lightning's answer to Ctrl-C
        sys.exit(EXIT_INTERRUPTED)
    seconds = time.perf_counter() - began
    chosen = chosen_checkpoint(trainer)
    trainer.test(model, datamodule=data, ckpt_path=chosen, weights_only=True, verbose=False)
    log_outcome(cli, trainer)
    write_outcome(trainer, chosen, seconds, cli.resumed_run)
    if trainer.is_global_zero:
        print(summary(trainer, chosen, seconds), flush=True)
    return trainer


def _check_takes_images(model: SigmoidMLP) -> None:
    """The net has an input neuron for each pixel and an output neuron for each digit."""
    n_inputs, n_outputs = model.hparams["n_inputs"], model.hparams["n_outputs"]
    if (n_inputs, n_outputs) != (N_INPUTS, N_OUTPUTS):
        raise InputError(
            f"n_inputs is {n_inputs} and n_outputs {n_outputs}, but the images have {N_INPUTS} pixels and show one "
            f"of {N_OUTPUTS} digits; leave both out."
        )


def _check_writable(trainer: L.Trainer) -> None:
    """The run's folder can be created and written. Without this check the first checkpoint would fail, an epoch later.

    Raises:
        InputError: the folder cannot be used.
    """
    if not trainer.is_global_zero:
        return
    with _folder_errors(trainer):
        folder = Path(trainer.log_dir or trainer.default_root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()


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


if __name__ == "__main__":
    run_command(train)
