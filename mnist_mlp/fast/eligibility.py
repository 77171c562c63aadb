"""Where the closed form applies, and how many weight updates it may make in one step of the Trainer."""

from typing import Literal

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn

from mnist_mlp.lightning_private import can_count_updates, saves_within_epochs
from mnist_mlp.model import SigmoidMLP

EngineName = Literal["auto", "closed_form", "autograd"]

EXAMPLES_PER_BLOCK = 4_096  # 13 MB of float32 images
EXAMPLES_PER_CHOICE = 1_024  # for `skip_below`: costs are computed once per block, and must not be long out of date
# Hooks that see gradients, which the closed form does not leave in `.grad`.
GRADIENT_HOOKS = ("on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_zero_grad")
# Methods whose work the closed form does itself. It would never call a subclass's own.
REPLACED_METHODS = (
    "forward",
    "cost",
    "cost_terms",
    "targets",
    "training_step",
    "configure_optimizers",
    "schedule",
    "backward",
    "optimizer_step",
    "optimizer_zero_grad",
    "configure_gradient_clipping",
    "lr_scheduler_step",
    *GRADIENT_HOOKS,
)
OTHER_COUNTERS = "this version of Lightning counts its steps in another way"
BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")


def unsupported_reason(net: SigmoidMLP, kind: type[SigmoidMLP], trainer: L.Trainer) -> str | None:
    """Why the closed form cannot train this net in this Trainer; None if it can.

    Args:
        net: an instance of `kind` or of a subclass.
        kind: the class that the closed form is written for.
        trainer: the Trainer that the net is attached to.
    """
    if not can_count_updates(trainer):
        return OTHER_COUNTERS
    if not isinstance(trainer.strategy, SingleDeviceStrategy):
        return "several processes or a strategy of their own share the weights"
    if trainer.precision not in ("32-true", "64-true", "bf16-mixed"):
        return f"it does not compute in precision {trainer.precision}"
    if trainer.gradient_clip_val:
        return "gradients are clipped"
    if trainer.accumulate_grad_batches != 1:
        return "gradients are accumulated over mini-batches"
    if not all(parameter.requires_grad for parameter in net.parameters()):
        return "some weights are frozen"
    if any(type(layer) is not nn.Linear or layer._forward_pre_hooks or layer._forward_hooks for layer in net.layers):
        return "its layers are not plain torch.nn.Linear"
    for name in REPLACED_METHODS:
        if getattr(type(net), name) is not getattr(kind, name):
            return f"{type(net).__name__} overrides {name}"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if any(is_overridden(hook, callback, Callback) for hook in GRADIENT_HOOKS):
            return f"the callback {type(callback).__name__} looks at gradients"
    return None


def updates_per_step(net: SigmoidMLP, trainer: L.Trainer, batch_size: int, skips: bool = False) -> int:
    """How many weight updates one step of the Trainer may make: 1 if something looks at the run between them.

    Args:
        net: the net.
        trainer: the Trainer that the net is attached to.
        batch_size: examples per weight update.
        skips: whether easy examples are left out (`skip_below`).
    """
    whole_epochs = (
        _is_all(trainer.limit_train_batches)
        and _is_all(trainer.val_check_interval)
        and trainer.overfit_batches == 0  # type: ignore[attr-defined]
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
    )
    watched = any(is_overridden(hook, net, L.LightningModule) for hook in BATCH_HOOKS)
    callbacks = trainer.callbacks  # type: ignore[attr-defined]
    if not whole_epochs or watched or not all(map(_counts_blocks, callbacks)):
        return 1
    return max(1, (EXAMPLES_PER_CHOICE if skips else EXAMPLES_PER_BLOCK) // batch_size)


def _is_all(share: float | int) -> bool:
    """Whether a limit of the Trainer is the whole epoch: 1.0 is, the number 1 is one mini-batch."""
    return isinstance(share, float) and share == 1.0


def _counts_blocks(callback: Callback) -> bool:
    """Whether a callback is right for steps of several weight updates: it declares so, or does not look at steps."""
    if isinstance(callback, ModelCheckpoint):
        return not saves_within_epochs(callback)
    return getattr(callback, "counts_blocks", False) or not any(
        is_overridden(hook, callback, Callback) for hook in BATCH_HOOKS
    )
