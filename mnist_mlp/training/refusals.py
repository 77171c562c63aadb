"""Trainer options that cannot be used: one sentence on each, before training if possible."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.callbacks import BackboneFinetuning

from mnist_mlp.checks import shown
from mnist_mlp.errors import InputError

DEVICES = re.compile(r"auto|-?\d+(\s*,\s*\d+)*,?")
MOST_PROCESSES = 16  # on a CPU with fewer cores
# jsonargparse's report on classes that cannot be made: the first reason that is not a type, and the classes' names.
REASON = re.compile(
    r"\nErrors:(?:\s+- Expected a [^\n]*)*\s+- (?:Problem with given class_path '.*?':\s+)?(.*?)(?:\n *- |\nGiven |$)",
    re.DOTALL,
)
CLASS_PATH = re.compile(r"\bclass_path='(?:\w+\.)*(\w+)'")
# Lightning's errors on a callback's metric: its name, and the names that there are.
MONITORED = (
    re.compile(r"Early stopping conditioned on metric `(.+?)` which is not available.* following: (.*)", re.DOTALL),
    re.compile(r"`ModelCheckpoint\(monitor='(.+?)'\)` could not find the monitored key .*?: \[(.*?)\]", re.DOTALL),
)


def check_options(config: Any) -> None:
    """Check options whose errors Lightning would report late, or in words for programmers.

    Args:
        config: the Trainer's options.

    Raises:
        InputError: an option cannot be used.
    """
    if isinstance(config.devices, str) and not DEVICES.fullmatch(config.devices.strip()):
        raise InputError(
            f"--trainer.devices is {shown(config.devices, repr)}; it takes a number of devices, the indices of some, "
            "such as [0, 1], or auto."
        )
    if re.fullmatch(r"\d{5,}", shown(config.devices)):  # Lightning makes a list of them all
        raise InputError(f"--trainer.devices is {shown(config.devices)}, more than any machine has; give auto.")
    if isinstance(config.strategy, str) and re.match("ddp_(spawn|fork|notebook)", config.strategy):
        raise InputError(
            f"--trainer.strategy is {shown(config.strategy)}, whose processes cannot take over the net and the data "
            "of this command; give ddp."
        )
    if config.limit_test_batches == 0 and not config.fast_dev_run:
        raise InputError(
            "--trainer.limit_test_batches is 0, so the net could not be tested after training; leave the option out."
        )
    callbacks = config.callbacks if isinstance(config.callbacks, list) else [config.callbacks]
    if any(isinstance(callback, BackboneFinetuning) for callback in callbacks):
        raise InputError(
            "--trainer.callbacks has a BackboneFinetuning, which needs a net with a part named backbone; leave it out."
        )


def check_processes(trainer: L.Trainer) -> None:
    """Check that the CPU is not asked for more processes than it can have; each takes hundreds of MB.

    Raises:
        InputError: --trainer.devices is too large.
    """
    most = max(MOST_PROCESSES, os.cpu_count() or 1)
    if isinstance(trainer.accelerator, CPUAccelerator) and trainer.num_devices > most:
        raise InputError(
            f"--trainer.devices is {trainer.num_devices}, which means as many processes on the CPU; give at most "
            f"{most}."
        )


def check_limits(trainer: L.Trainer, **batches: int) -> None:
    """Check that no share of a split is less than one batch, which Lightning notices when it comes to that split.

    Args:
        trainer: the Trainer, before training.
        batches: the number of batches of each split, "train", "val" and "test".

    Raises:
        InputError: a share is too small.
    """
    for split, n in batches.items():
        limit = getattr(trainer, f"limit_{split}_batches")
        if isinstance(limit, float) and n and limit > 0 and int(limit * n) == 0:
            raise InputError(
                f"--trainer.limit_{split}_batches is {limit}, which is less than one of the {n} batches; give a larger "
                "share, or a number of batches."
            )


def check_validation_interval(trainer: L.Trainer, batches: int) -> None:
    """Check that each epoch is long enough for --trainer.val_check_interval.

    Args:
        trainer: the Trainer, before training.
        batches: the number of mini-batches of the training split.

    Raises:
        InputError: validation would never run.
    """
    limit = trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    # An interval of time leaves the attribute out.
    interval = getattr(trainer, "val_check_interval", 1.0)
    counts_epochs = trainer.check_val_every_n_epoch is not None and trainer.limit_val_batches > 0
    if isinstance(interval, int) and counts_epochs and 0 < batches < interval:
        raise InputError(
            f"--trainer.val_check_interval is {interval}, but an epoch has {batches} mini-batches; give at most "
            "that, or add --trainer.check_val_every_n_epoch null to count over epochs."
        )


def trainer_error(error: Exception, config: Any) -> InputError:
    """Return one sentence on why Lightning's Trainer refuses these options."""
    no_device = isinstance(error, ModuleNotFoundError) and config.accelerator == "tpu"
    if no_device or "backend found" in str(error) or "not available" in str(error):
        return InputError(
            f"--trainer.accelerator is {shown(config.accelerator)}, but PyTorch finds no such device on this "
            "machine; leave the option out to use the best device there is."
        )
    return InputError(f"the Trainer refuses these --trainer options: {_first_sentence(error)}.")


@contextmanager
def class_errors() -> Iterator[None]:
    """Turn an error in making a class that the options name, such as a missing package, into an InputError."""
    try:
        yield
    except ValueError as error:
        reason, names = REASON.search(str(error)), dict.fromkeys(CLASS_PATH.findall(str(error)))
        if reason is None or not names:
            raise
        raise InputError(
            f"{' or '.join(names)} cannot be used: {_first_sentence(reason[1])}; mend this, or leave it out of the "
            "options."
        ) from error


def _first_sentence(error: object) -> str:
    first = " ".join(str(error).split()).split(". ")[0].rstrip(".!")
    return first if len(first) <= 300 else f"{first[:300]}..."


@contextmanager
def metric_errors() -> Iterator[None]:
    """Turn Lightning's errors on callbacks and options that it notices during a run into an InputError.

    One is a callback that monitors an unknown metric: other callbacks may log metrics of their own, so that Lightning
    notices only after the first epoch.
    """
    try:
        yield
    except (RuntimeError, MisconfigurationException, ModuleNotFoundError) as error:
        for pattern in MONITORED:
            if found := pattern.search(str(error)):
                names = ", ".join(re.findall(r"[`'](.+?)[`']", found[2]))
                raise InputError(
                    f"a callback in --trainer.callbacks monitors {found[1]}, which this run does not log; give as "
                    f"monitor one of {names}."
                ) from error
        if isinstance(error, RuntimeError):
            raise
        raise InputError(f"Lightning refuses these --trainer options: {_first_sentence(error)}.") from error
