"""Where the closed form applies, and how many weight updates it may make in one step of the Trainer.

The closed form serves only what is known to be right for it. Everything else is trained by autograd.
"""

from typing import Literal

import lightning as L
from lightning.pytorch import callbacks
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.plugins import DoublePrecision, MixedPrecision, Precision
from lightning.pytorch.strategies import SingleDeviceStrategy
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import nn

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.lightning_private import can_count_updates, saves_within_epochs
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.resume import ExactResume

EngineName = Literal["auto", "closed_form", "autograd"]

EXAMPLES_PER_BLOCK = 8_192  # 26 MB of float32 images; a step of the Trainer costs about as much as 20 small updates
EXAMPLES_PER_CHOICE = 1_024  # for `skip_below`: costs are computed once per block, and must not be long out of date
BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
DATA_HOOKS = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
PRECISION_PLUGINS = (Precision, DoublePrecision, MixedPrecision)
OTHER_COUNTERS = "this version of Lightning counts its steps in another way"
# Lightning's callbacks that only look at a run. They change neither weights, gradients, rates nor batches.
ONLY_LOOK: tuple[type[Callback], ...] = (
    callbacks.DeviceStatsMonitor,
    callbacks.EarlyStopping,
    callbacks.LearningRateMonitor,
    callbacks.ModelCheckpoint,
    callbacks.ModelSummary,
    callbacks.OnExceptionCheckpoint,
    callbacks.RichModelSummary,
    callbacks.RichProgressBar,
    callbacks.ThroughputMonitor,
    callbacks.Timer,
    callbacks.TQDMProgressBar,
    ExactResume,
)


def unsupported_reason(net: SigmoidMLP, kind: type[SigmoidMLP], trainer: L.Trainer) -> str | None:
    """Why the closed form cannot train this net in this Trainer; None if it can.

    Args:
        net: the net.
        kind: the class that the closed form is written for.
        trainer: the Trainer that the net is attached to.
    """
    if not can_count_updates(trainer):
        return OTHER_COUNTERS
    return _reason_in_the_net(net, kind) or _reason_in_the_trainer(trainer)


def _reason_in_the_net(net: SigmoidMLP, kind: type[SigmoidMLP]) -> str | None:
    if type(net) is not kind:
        return f"{type(net).__name__} is a subclass of {kind.__name__}, whose methods it may override"
    if not net.automatic_optimization:
        return "this net optimizes manually"
    for name in vars(net):
        if callable(getattr(kind, name, None)):
            return f"{name} of this net is replaced"
    hidden, output = (ACTIVATIONS[net.hparams[name]].sigma for name in ("activation", "output_activation"))
    if net.activation is not hidden or net.output_activation is not output:
        return "the activation function of this net is replaced"
    if not all(parameter.requires_grad for parameter in net.parameters()):
        return "some weights are frozen"
    if any(type(layer) is not nn.Linear for layer in net.layers):
        return "its layers are not plain torch.nn.Linear"
    for module in net.modules():
        if module._forward_pre_hooks or module._forward_hooks or module._backward_pre_hooks or module._backward_hooks:
            return "a module has hooks"
    for parameter in net.parameters():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            return "a weight has hooks"
    return None


def _reason_in_the_trainer(trainer: L.Trainer) -> str | None:
    if type(trainer.strategy) is not SingleDeviceStrategy:
        return "several processes share the weights, or the strategy is not Lightning's own for one device"
    if trainer.precision not in ("32-true", "64-true", "bf16-mixed"):
        return f"it does not compute in precision {trainer.precision}"
    if type(trainer.precision_plugin) not in PRECISION_PLUGINS:
        return f"the plugin {type(trainer.precision_plugin).__name__} may change the training"
    if trainer.gradient_clip_val:
        return "gradients are clipped"
    if trainer.accumulate_grad_batches != 1:
        return "gradients are accumulated over mini-batches"
    if getattr(trainer, "_detect_anomaly", False):
        return "autograd's anomaly detection is on"
    data = trainer.datamodule  # type: ignore[attr-defined]
    for hook in DATA_HOOKS:
        if data is not None and is_overridden(hook, data, L.LightningDataModule):
            return f"the data module's {hook} may change the batches"
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if type(callback) not in ONLY_LOOK and not hasattr(callback, "counts_blocks"):
            return f"the callback {type(callback).__name__} may change the training"
    return None


def updates_per_step(trainer: L.Trainer, batch_size: int, skips: bool = False) -> int:
    """How many weight updates one step of the Trainer may make: 1 if something looks at the run between them.

    Args:
        trainer: the Trainer that the net is attached to.
        batch_size: examples per weight update.
        skips: whether easy examples are left out (`skip_below`).
    """
    whole_epochs = (
        _is_all(trainer.limit_train_batches)
        and _is_all(getattr(trainer, "val_check_interval", None))  # an interval of time leaves it out
        and trainer.overfit_batches == 0  # type: ignore[attr-defined]
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
    )
    if not whole_epochs or not all(map(_counts_blocks, trainer.callbacks)):  # type: ignore[attr-defined]
        return 1
    return max(1, (EXAMPLES_PER_CHOICE if skips else EXAMPLES_PER_BLOCK) // batch_size)


def _is_all(share: float | int | None) -> bool:
    """Whether a limit of the Trainer is the whole epoch: 1.0 is, the number 1 is one mini-batch."""
    return isinstance(share, float) and share == 1.0


def _counts_blocks(callback: Callback) -> bool:
    """Whether a callback is right for steps of several weight updates: it declares so, or does not look at steps."""
    if isinstance(callback, ModelCheckpoint):
        return not saves_within_epochs(callback)
    declared = getattr(callback, "counts_blocks", None)
    if declared is not None:
        return bool(declared)
    return not any(is_overridden(hook, callback, Callback) for hook in BATCH_HOOKS)
