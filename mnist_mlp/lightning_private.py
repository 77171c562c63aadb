"""Everything that reaches into Lightning's private parts, in this one file, each use with the reason for it.

Where a Lightning version lacks one of these parts, `can_count_updates` says so and training takes the plain idiom.
"""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint


def can_count_updates(trainer: L.Trainer) -> bool:
    """Whether this Lightning version has the counters that `add_updates` changes."""
    try:
        step = trainer.fit_loop.epoch_loop.automatic_optimization.optim_progress.optimizer.step
        counters = [getattr(counter, name) for counter in (step.total, step.current) for name in ("ready", "completed")]
        return all(isinstance(n, int) for n in [*counters, trainer.fit_loop.epoch_loop._batches_that_stepped])
    except AttributeError:
        return False


def add_updates(trainer: L.Trainer, updates: int) -> None:
    """Count weight updates that were made in a step of the Trainer, beyond the one that the Trainer counts itself."""
    loop = trainer.fit_loop.epoch_loop
    # `trainer.global_step`, `max_steps` and checkpoints go by the number of calls of the optimizer.
    step = loop.automatic_optimization.optim_progress.optimizer.step
    for counter in (step.total, step.current):
        counter.ready += updates
        counter.completed += updates
    # The loggers' x-axis has a counter of its own.
    loop._batches_that_stepped += updates


def saves_within_epochs(callback: Callback) -> bool:
    """Whether a checkpoint callback may save after any training step. It offers no public attribute that says so."""
    return isinstance(callback, ModelCheckpoint) and getattr(callback, "_every_n_train_steps", 1) >= 1


def _fit_loop(checkpoint: dict[str, Any]) -> dict[str, Any] | None:
    """The training loop's counters in a checkpoint; None if it holds weights only."""
    loop: dict[str, Any] | None = checkpoint.get("loops", {}).get("fit_loop")
    return loop


def upgrade_counts(checkpoint: dict[str, Any]) -> None:
    """Move the count of weight updates to where automatic optimization keeps it.

    Up to version 0.1 the closed form used manual optimization, which Lightning counts in another place.
    """
    loop = _fit_loop(checkpoint)
    if loop is not None:
        step = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
        step["total"].update(ready=checkpoint["global_step"], completed=checkpoint["global_step"])


def ended_by_a_limit(checkpoint: dict[str, Any], made: int) -> bool:
    """Whether `limit_train_batches` or the like ended the checkpoint's epoch after `made` mini-batches.

    Otherwise the epoch was interrupted, or cut short by `max_steps`. Such a limit does not go with steps of several
    weight updates (fast/eligibility.py).
    """
    loop = _fit_loop(checkpoint)
    if loop is None:
        return False
    batches = loop["epoch_loop.batch_progress"]
    return bool(batches["is_last_batch"]) and batches["current"]["ready"] == made


def reopen_epoch(checkpoint: dict[str, Any]) -> None:
    """Mark the checkpoint's last epoch as begun, not complete.

    Lightning takes an epoch that `max_steps` cut short for a complete one. A resumed run would not train the rest of
    it, and if it is the run's last epoch, `Trainer.fit` would return at once.
    """
    loop = _fit_loop(checkpoint)
    if loop is not None:
        for progress in loop["epoch_progress"].values():
            progress.update(processed=progress["ready"] - 1, completed=progress["ready"] - 1)
        loop["epoch_loop.batch_progress"]["is_last_batch"] = False


def set_position(trainer: L.Trainer, steps: int) -> None:
    """Correct how many steps of an epoch a resumed run has made.

    A run that resumes with other blocks of mini-batches has made another number of steps.

    Args:
        steps: how many steps of the epoch have been made, in the resumed run's own blocks.
    """
    batches: Any = trainer.fit_loop.epoch_loop.batch_progress
    if not batches.current.ready:
        return
    by = steps - batches.current.ready
    for counter in (batches.current, batches.total):
        for name in ("ready", "started", "processed", "completed"):
            setattr(counter, name, getattr(counter, name) + by)
