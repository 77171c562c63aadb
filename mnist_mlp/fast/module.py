"""SigmoidMLP with back propagation in closed form: a drop-in, several times faster on small nets."""

from collections.abc import Sequence
from typing import Any, get_args

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

from mnist_mlp.backprop import layers_of
from mnist_mlp.checks import check_choice, check_not_negative
from mnist_mlp.data.loader import Block, sampler_of
from mnist_mlp.errors import InputError
from mnist_mlp.fast.eligibility import OTHER_COUNTERS, EngineName, unsupported_reason, updates_per_step
from mnist_mlp.fast.updates import make_updates
from mnist_mlp.metrics import at_least_float32
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.schedule import Schedule, limit, run_length


class FastSigmoidMLP(SigmoidMLP):
    """The same net, cost and weight updates as SigmoidMLP; a step of the Trainer makes a block of updates.

    Args:
        engine: "autograd" trains as SigmoidMLP does. "closed_form" computes the gradient by fast/kernels.py. "auto"
            takes the closed form where it applies.
        skip_below: an example whose cost is below this is left out of back propagation (fast/README.md, "Easy
            examples"); 0 leaves none out. Needs the closed form.

    Raises:
        InputError: an argument is out of range; in `setup`, the closed form is needed and does not apply.
    """

    def __init__(self, *args: Any, engine: EngineName = "auto", skip_below: float = 0.0, **kwargs: Any) -> None:
        check_choice("engine", engine, get_args(EngineName))
        check_not_negative("skip_below", skip_below, "give a cost such as 0.001, or 0 to leave no example out")
        if skip_below and engine == "autograd":
            raise InputError("skip_below needs the closed form; leave out skip_below, or take --model.engine auto.")
        super().__init__(*args, **kwargs)
        self.uses_closed_form = False

    def setup(self, stage: str) -> None:
        """Choose the engine for the attached Trainer.

        Raises:
            InputError: the closed form was asked for, or `skip_below` needs it, and it does not apply.
        """
        if stage != "fit":
            return
        self.uses_closed_form = False
        if self.hparams["engine"] == "autograd":
            return
        reason = unsupported_reason(self, FastSigmoidMLP, self.trainer)
        if reason is not None and self.hparams["engine"] == "closed_form":
            raise InputError(f"--model.engine closed_form does not apply: {reason}; take autograd or auto.")
        if reason is not None and self.hparams["skip_below"]:
            raise InputError(f"skip_below needs the closed form, which does not apply: {reason}; leave out skip_below.")
        if reason == OTHER_COUNTERS:
            rank_zero_warn(f"The closed form is not used: {reason}. Training takes autograd, which is slower.")
        self.uses_closed_form = reason is None

    def training_step(self, batch: Sequence[Any], batch_idx: int) -> Any:
        """One weight update for each mini-batch of a block.

        Returns:
            "loss": the mean of the mini-batches' costs. "mini_batch_costs": (updates,), each one's average cost.
        """
        if not self.uses_closed_form:
            return super().training_step(batch, batch_idx)
        with torch.no_grad():
            costs = self._make_updates(batch)
        return {"loss": costs.mean(), "mini_batch_costs": costs}

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Leave no gradients in the closed form: the weights are updated already, and SGD's step changes nothing."""
        if not self.uses_closed_form:
            super().backward(loss, *args, **kwargs)

    def schedule(self) -> Schedule:
        """η of each weight update of the run in the attached Trainer."""
        return Schedule.of_run(self.hparams, *self.run_length())

    def run_length(self) -> tuple[float, float]:
        """The number of weight updates of an epoch, and of the run."""
        epoch, run = run_length(self.trainer)
        sampler = sampler_of(self.trainer.train_dataloader)
        if sampler is not None and sampler.updates_per_step > 1:  # the Trainer's steps are blocks
            epoch = float(sampler.updates)
            run = min(limit(self.trainer.max_epochs) * epoch, limit(self.trainer.max_steps))
        return epoch, run

    def updates_per_step(self, batch_size: int) -> int:
        """How many weight updates, of `batch_size` examples each, a step of the Trainer makes. MNISTData asks."""
        if not self.uses_closed_form:
            return 1
        return updates_per_step(self.trainer, batch_size, skips=self.hparams["skip_below"] > 0)

    def _make_updates(self, batch: Sequence[Any]) -> Tensor:
        """Update the weights; (updates,) the average costs of the mini-batches."""
        images, labels = batch[0].flatten(1), batch[1]
        batch_size = batch[2] if isinstance(batch, Block) else len(labels)
        chosen = None
        if self.hparams["skip_below"]:
            all_outputs = at_least_float32(self(images))
            costs = self.cost(all_outputs, labels)
            chosen = costs >= self.hparams["skip_below"]
        first, rates, outputs = make_updates(
            self.trainer,
            layers_of(self),
            images,
            self.targets(labels, images.dtype),
            batch_size,
            self.schedule(),
            self.hparams["cost_function"],
            chosen,
        )
        labels = labels[: len(rates) * batch_size]
        if chosen is None:
            outputs = at_least_float32(outputs)
            costs = self.cost(outputs, labels)
        else:
            outputs, costs = all_outputs[: len(labels)], costs[: len(labels)]
        self.train_metrics.update(costs, outputs, labels)
        self.last_learning_rate = rates[-1]
        whole = len(costs) // batch_size * batch_size
        mini_batch_costs = costs[:whole].view(-1, batch_size).mean(dim=1)
        if whole < len(costs):
            mini_batch_costs = torch.cat([mini_batch_costs, costs[whole:].mean().view(1)])
        self._log_updates(first, mini_batch_costs, rates)
        return mini_batch_costs

    def _log_updates(self, first: int, costs: Tensor, rates: list[float]) -> None:
        """Log one of every `log_every_n_steps` updates, as `self.log` does for single updates."""
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        for update in range(first, first + len(rates)):
            if every and (update + 1) % every == 0:
                metrics = {
                    "update/mini_batch_cost": float(costs[update - first]),
                    "update/learning_rate": rates[update - first],
                    "epoch": self.current_epoch,
                }
                for logger in self.trainer.loggers:
                    logger.log_metrics(metrics, step=update)
