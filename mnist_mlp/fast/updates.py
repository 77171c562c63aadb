"""A block of weight updates in one step of the Trainer, counted as if the Trainer had made each of them."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import lightning as L
import torch
from torch import Tensor

from mnist_mlp.backprop import CostName, Layer
from mnist_mlp.data.loader import sampler_of
from mnist_mlp.errors import InputError
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.lightning_private import add_updates
from mnist_mlp.schedule import Schedule, limit

FLOP_PER_THREAD = 4_000_000  # 40 to 100 microseconds


class Updates(NamedTuple):
    """The weight updates of a block.

    first: the number of the first update, counted from 0.
    learning_rates: η of each update.
    outputs: (N, 10), the output activations of each example that was used, at the weights before its update. Where
        `max_steps` ends the run, N is less than the block's size.
    """

    first: int
    learning_rates: list[float]
    outputs: Tensor


def make_updates(
    trainer: L.Trainer,
    layers: Sequence[Layer],
    images: Tensor,
    targets: Tensor,
    batch_size: int,
    schedule: Schedule,
    cost: CostName = "mse",
    chosen: Tensor | None = None,
) -> Updates:
    """Make one weight update for each mini-batch of a block, in the closed form, and count them.

    Args:
        trainer: the Trainer of the run.
        layers: the net; its weights change in place.
        images: (N, 784).
        targets: (N, 10).
        batch_size: examples per mini-batch; the last mini-batch may be shorter.
        schedule: η of each update.
        cost: the cost function.
        chosen: (N,) bool, the examples to learn from; None for all. They move up into the places of the others, so
            that fewer updates are made. The count goes on as if all were made.
    """
    first = trainer.global_step
    given = -(-len(images) // batch_size)
    updates = int(min(given, limit(trainer.max_steps) - first))
    n = updates * batch_size
    # η goes by the scheduler's own count, which starts again in another call of `Trainer.fit`.
    position = trainer.lr_scheduler_configs[0].scheduler.last_epoch
    rates = [schedule(update) for update in range(position, position + updates)]
    _check_rate(trainer, rates[0])
    dtype = torch.bfloat16 if trainer.precision == "bf16-mixed" else None
    images, targets, rates_to_make = images[:n], targets[:n], rates
    if chosen is not None:
        full = min(batch_size, len(images))
        images, targets = images[chosen[:n]], targets[chosen[:n]]
        rates_to_make = _rates_of_fewer(rates, len(images), full)
    with threads_for(layers, batch_size):
        outputs = gradient_descent(layers, images, targets, rates_to_make, batch_size, dtype, cost)
    _count(trainer, updates)
    sampler = sampler_of(trainer.train_dataloader)
    if sampler is not None:
        sampler.made -= given - updates
    return Updates(first, rates, outputs)


def _check_rate(trainer: L.Trainer, expected: float) -> None:
    """The optimizer's η is that of the net's schedule: nobody has changed it during the run.

    Raises:
        InputError: it is not.
    """
    rate = trainer.optimizers[0].param_groups[0]["lr"]
    if not math.isclose(rate, expected, rel_tol=1e-6, abs_tol=1e-9):
        raise InputError(
            f"the learning rate was changed during training, from {expected:.3g} to {rate:.3g}, which the closed form "
            "does not follow; take --model.engine autograd."
        )


def _rates_of_fewer(rates: Sequence[float], examples: int, batch_size: int) -> list[float]:
    """η of each mini-batch that is left of a block, after examples were left out.

    The last mini-batch, unless it is full, divides by fewer examples. Its η is lower by the same factor, so that each
    example weighs the same.
    """
    updates = -(-examples // batch_size)
    fewer = [rates[update * len(rates) // updates] for update in range(updates)]
    if examples % batch_size:
        fewer[-1] *= examples % batch_size / batch_size
    return fewer


@contextmanager
def threads_for(layers: Sequence[Layer], batch_size: int) -> Iterator[None]:
    """Use no more threads than the largest matrix product keeps busy. Threads that wait for each other cost time."""
    flop = 2 * batch_size * max(layer.weight.numel() for layer in layers)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(max(1, min(threads, flop // FLOP_PER_THREAD)))
        yield
    finally:
        torch.set_num_threads(threads)


def _count(trainer: L.Trainer, updates: int) -> None:
    """Leave Trainer and scheduler as that many steps would. The Trainer itself counts and schedules one of them."""
    add_updates(trainer, updates - 1)
    for config in trainer.lr_scheduler_configs:
        scheduler: Any = config.scheduler
        scheduler.last_epoch += updates - 1
