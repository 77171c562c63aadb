"""Which way back propagation goes in a run, and how many weight updates one step of the Trainer makes.

`autograd` is the plain Lightning idiom: the Trainer has autograd compute the gradient of one mini-batch's cost, and
torch.optim.SGD updates the weights. `closed_form` does the same arithmetic by mnist_mlp/backprop.py, for a block of
consecutive mini-batches per step of the Trainer, so that what the Trainer itself costs is paid once per block.
"""

from typing import Any, Literal

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden

EngineName = Literal["auto", "closed_form", "autograd"]

EXAMPLES_PER_BLOCK = 4_096  # 13 MB of float32 images
# What only autograd and an optimizer's step can serve, if a callback or a subclass of the net asks for it.
GRADIENT_HOOKS = (
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "on_before_zero_grad",
)


def closed_form_hindrance(module: L.LightningModule, trainer: L.Trainer) -> str | None:
    """Why the closed form cannot serve this net in this Trainer; None if it can."""
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        return "several processes or a strategy of their own share the weights"
    if trainer.precision not in ("32-true", "64-true", "bf16-mixed"):
        return f"it does not compute in precision {trainer.precision}"
    if trainer.gradient_clip_val:
        return "gradients are to be clipped"
    if trainer.accumulate_grad_batches != 1:
        return "gradients are to be accumulated over mini-batches"
    for hook in GRADIENT_HOOKS:
        for callback in _callbacks(trainer):
            if is_overridden(hook, callback, Callback):
                return f"the callback {type(callback).__name__} wants to see the gradients"
        if is_overridden(hook, module, L.LightningModule):
            return f"{type(module).__name__}.{hook} wants to see the gradients"
    return None


def blocks_allowed(trainer: L.Trainer) -> bool:
    """Whether nothing looks at the run between the weight updates of a block."""
    return (
        trainer.limit_train_batches == 1.0
        and trainer.overfit_batches == 0  # type: ignore[attr-defined]
        and trainer.val_check_interval == 1.0
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
        and all(_counts_blocks(callback) for callback in _callbacks(trainer))
    )


def _callbacks(trainer: L.Trainer) -> list[Callback]:
    return list(trainer.callbacks)  # type: ignore[attr-defined]


def _counts_blocks(callback: Callback) -> bool:
    """A callback that is right whether a step makes one weight update or several: it says so, or does not look."""
    if isinstance(callback, ModelCheckpoint):
        return bool(callback._every_n_train_steps < 1)
    return getattr(callback, "counts_blocks", False) or not any(
        is_overridden(hook, callback, Callback) for hook in ("on_train_batch_start", "on_train_batch_end")
    )


def updates_per_epoch(trainer: L.Trainer) -> float:
    """Weight updates of a whole epoch, by either engine; known once training has begun."""
    loader: Any = trainer.train_dataloader
    if getattr(loader, "updates_per_step", 1) > 1:
        return float(loader.updates)
    return float(trainer.num_training_batches) / trainer.accumulate_grad_batches


def count_updates(trainer: L.Trainer, updates: int) -> None:
    """Tell the Trainer of the weight updates that a step has made.

    Its counters are what `trainer.global_step`, `max_steps`, the loggers' x-axis and a resumed run go by. It counts
    one by itself where loggers are concerned, and one per call of an optimizer, which the closed form does not make.
    """
    loop = trainer.fit_loop.epoch_loop
    progress = loop.manual_optimization.optim_step_progress
    progress.total.ready += updates
    progress.total.completed += updates
    progress.current.ready += updates
    progress.current.completed += updates
    loop._batches_that_stepped += updates - 1
