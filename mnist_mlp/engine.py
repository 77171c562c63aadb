"""Which way back propagation goes in a run, and how many weight updates one step of the Trainer makes.

`autograd` is the plain Lightning idiom: the Trainer has autograd compute the gradient of one mini-batch's cost, and
torch.optim.SGD updates the weights. `closed_form` does the same arithmetic by mnist_mlp/backprop.py, for a block of
consecutive mini-batches per step of the Trainer, so that what the Trainer itself costs is paid once per block.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn

from mnist_mlp.backprop import CostName, Layer, gradient_descent
from mnist_mlp.batches import MiniBatches
from mnist_mlp.schedule import Schedule

EngineName = Literal["auto", "closed_form", "autograd"]

EXAMPLES_PER_BLOCK = 4_096  # 13 MB of float32 images
EXAMPLES_PER_CHOICE = 1_024  # where examples are left out by their cost at a block's start, which must not be long ago
FLOP_PER_THREAD = 4_000_000  # 40 to 100 microseconds
# What only autograd and an optimizer's step can serve, if a callback or a subclass of the net asks for it.
GRADIENT_HOOKS = (
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
)
# What the closed form does by itself, so that a subclass's own would never be called.
DONE_BY_THE_CLOSED_FORM = (
    "forward",
    "cost",
    "cost_terms",
    "training_step",
    "configure_optimizers",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "configure_gradient_clipping",
    "lr_scheduler_step",
    *GRADIENT_HOOKS,
)
BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")


class Updates(NamedTuple):
    """What a block of weight updates met.

    first: the number of the first update, from 0 on. learning_rates: η of each.
    outputs: (N, 10) the output activations of each example that was chosen, at the weights that it met. N may be less
    than what was given, where `max_steps` ends the run.
    """

    first: int
    learning_rates: list[float]
    outputs: Tensor


def closed_form_hindrance(
    net: L.LightningModule, layers: Sequence[nn.Module], kind: type[L.LightningModule], trainer: L.Trainer
) -> str | None:
    """Why the closed form cannot serve this net in this Trainer; None if it can.

    Args:
        net: of the class `kind`, for which the closed form was written, or of a subclass.
        layers: its dense layers.
    """
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        return "several processes or a strategy of their own share the weights"
    if trainer.precision not in ("32-true", "64-true", "bf16-mixed"):
        return f"it does not compute in precision {trainer.precision}"
    if trainer.gradient_clip_val:
        return "gradients are to be clipped"
    if trainer.accumulate_grad_batches != 1:
        return "gradients are to be accumulated over mini-batches"
    if not all(parameter.requires_grad for parameter in net.parameters()):
        return "some weights are frozen"
    if any(type(layer) is not nn.Linear or layer._forward_pre_hooks or layer._forward_hooks for layer in layers):
        return "its layers are not plain torch.nn.Linear"
    for name in DONE_BY_THE_CLOSED_FORM:
        if getattr(type(net), name) is not getattr(kind, name):
            return f"{type(net).__name__} has a {name} of its own"
    for callback in _callbacks(trainer):
        if any(is_overridden(hook, callback, Callback) for hook in GRADIENT_HOOKS):
            return f"the callback {type(callback).__name__} wants to see the gradients"
    return None


def updates_per_step(net: L.LightningModule, trainer: L.Trainer, batch_size: int, choosing: bool = False) -> int:
    """How many weight updates one step of the Trainer may make, if nothing looks at the run between them.

    Args:
        choosing: whether, before them, the examples to learn from are chosen.
    """
    block = max(1, (EXAMPLES_PER_CHOICE if choosing else EXAMPLES_PER_BLOCK) // batch_size)
    whole_epochs = (
        _is_all(trainer.limit_train_batches)
        and _is_all(trainer.val_check_interval)
        and trainer.overfit_batches == 0  # type: ignore[attr-defined]
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
    )
    watched = any(is_overridden(hook, net, L.LightningModule) for hook in BATCH_HOOKS)
    return block if whole_epochs and not watched and all(map(_counts_blocks, _callbacks(trainer))) else 1


def _is_all(share: float | int) -> bool:
    """1.0 is the whole epoch; the number 1 is one mini-batch."""
    return isinstance(share, float) and share == 1.0


def _callbacks(trainer: L.Trainer) -> list[Callback]:
    return list(trainer.callbacks)  # type: ignore[attr-defined]


def _counts_blocks(callback: Callback) -> bool:
    """A callback that is right whether a step makes one weight update or several: it says so, or does not look."""
    if isinstance(callback, ModelCheckpoint):
        return bool(callback._every_n_train_steps < 1)
    return getattr(callback, "counts_blocks", False) or not any(
        is_overridden(hook, callback, Callback) for hook in BATCH_HOOKS
    )


def updates_per_epoch(trainer: L.Trainer) -> float:
    """Weight updates of a whole epoch, by either engine."""
    trainer.fit_loop.setup_data()  # as `trainer.estimated_stepping_batches` does; the second time it is nothing
    loader = trainer.train_dataloader
    if isinstance(loader, MiniBatches) and loader.updates_per_step > 1:
        return float(loader.updates)
    steps = float(trainer.num_training_batches)
    return steps if math.isinf(steps) else math.ceil(steps / trainer.accumulate_grad_batches)


def updates_of_the_run(trainer: L.Trainer) -> float:
    """Weight updates from the beginning of the run to its end; infinite where neither epochs nor steps end it."""
    return min(_limit(trainer.max_epochs) * updates_per_epoch(trainer), _limit(trainer.max_steps))


def _limit(number: int | None) -> float:
    """A Trainer's limit, where -1 and None stand for none."""
    return math.inf if number is None or number < 0 else float(number)


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
    """One weight update for each mini-batch of a block, by the closed form, and counted as the Trainer counts.

    Args:
        trainer: in whose run this is.
        layers: the net; its weights change in place.
        images: (N, 784). targets: (N, 10). batch_size: of each mini-batch; the last may be shorter.
        schedule: η of each update.
        cost: what is to be lowered.
        chosen: (N,) bool, the examples to learn from, if not all. They move up into the places of the others, so that
            there are fewer updates to make; counted are as many as ever.
    """
    first = trainer.global_step
    given = -(-len(images) // batch_size)
    updates = int(min(given, _limit(trainer.max_steps) - first))
    n = updates * batch_size
    rates = [schedule(update) for update in range(first, first + updates)]
    dtype = torch.bfloat16 if trainer.precision == "bf16-mixed" else None
    images, targets, rates_to_make = images[:n], targets[:n], rates
    if chosen is not None:
        full = min(batch_size, len(images))
        images, targets = images[chosen[:n]], targets[chosen[:n]]
        rates_to_make = _rates_of_fewer(rates, len(images), full)
    with threads_for(layers, batch_size):
        outputs = gradient_descent(layers, images, targets, rates_to_make, batch_size, dtype, cost)
    _count(trainer, updates, next_rate=schedule(first + updates))
    if isinstance(trainer.train_dataloader, MiniBatches):
        trainer.train_dataloader.made -= given - updates
    return Updates(first, rates, outputs)


def _rates_of_fewer(rates: Sequence[float], examples: int, batch_size: int) -> list[float]:
    """η for so many examples in mini-batches, out of the `rates` of a block that had more of them.

    The last mini-batch, unless it is full, is divided by fewer; with its η lower by as much, each example weighs the
    same.
    """
    updates = -(-examples // batch_size)
    fewer = [rates[update * len(rates) // updates] for update in range(updates)]
    if examples % batch_size:
        fewer[-1] *= examples % batch_size / batch_size
    return fewer


@contextmanager
def threads_for(layers: Sequence[Layer], batch_size: int) -> Iterator[None]:
    """No more of the processor's threads than the largest matrix product keeps busy: waiting for each other costs."""
    flop = 2 * batch_size * max(layer.weight.numel() for layer in layers)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(max(1, min(threads, flop // FLOP_PER_THREAD)))
        yield
    finally:
        torch.set_num_threads(threads)


def _count(trainer: L.Trainer, updates: int, next_rate: float) -> None:
    """Leave the Trainer, the optimizer and its scheduler as so many of their own steps would.

    The Trainer's counters are what `trainer.global_step`, `max_steps`, the loggers' x-axis and a resumed run go by.
    It counts one by itself where loggers are concerned, and one per call of an optimizer, which the closed form does
    not make.
    """
    loop = trainer.fit_loop.epoch_loop
    progress = loop.manual_optimization.optim_step_progress
    for counter in (progress.total, progress.current):
        counter.ready += updates
        counter.completed += updates
    loop._batches_that_stepped += updates - 1
    trainer.optimizers[0].param_groups[0]["lr"] = next_rate
    for config in trainer.lr_scheduler_configs:
        scheduler: Any = config.scheduler
        scheduler.last_epoch += updates
        scheduler._step_count += updates
        scheduler._last_lr = [next_rate]


def take_over_counts(checkpoint: dict[str, Any]) -> None:
    """Each engine counts its updates in a place of its own; a run may go on with the other one."""
    loop = checkpoint.get("loops", {}).get("fit_loop")
    if loop is None:
        return
    automatic = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    manual = loop["epoch_loop.manual_optimization.optim_step_progress"]
    for progress in (automatic, manual):
        progress["total"].update(ready=checkpoint["global_step"], completed=checkpoint["global_step"])


def take_over_position(trainer: L.Trainer) -> None:
    """The Trainer counts its steps within an epoch; a run that goes on with other blocks has made other steps.

    It also takes an epoch that `max_steps` cut short for a complete one; its other mini-batches are to come.
    """
    loader = trainer.train_dataloader
    epochs: Any = trainer.fit_loop.epoch_progress
    batches: Any = trainer.fit_loop.epoch_loop.batch_progress
    if not isinstance(loader, MiniBatches) or not batches.current.ready:
        return
    cut_short = loader.made < loader.updates and epochs.current.processed == epochs.current.ready
    _shift(batches, loader.steps_made - batches.current.ready)
    _shift(epochs, -int(cut_short))


def _shift(progress: Any, by: int) -> None:
    for counter in (progress.current, progress.total):
        for name in ("ready", "started", "processed", "completed"):
            setattr(counter, name, getattr(counter, name) + by)
