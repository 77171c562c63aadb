"""The learning rate η of each weight update."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import lightning as L

ScheduleName = Literal["constant", "cosine", "step"]


@dataclass(frozen=True)
class Schedule:
    """η as a function of the number of weight updates made so far.

    name: "constant"; "cosine", down to 0 over the run along half a cosine (Loshchilov and Hutter 2017, without
        restarts); or "step", times `step_factor` after every `step_updates`.
    peak: η at the start of the schedule, after the warm-up.
    total_updates: number of weight updates of the run, for the cosine.
    warmup_updates: number of updates over which η first rises linearly to `peak`. Wide layers of sigmoid units need
        it: at first all activations are near 0.5, where the output layer's cost is most curved, and a large η would
        saturate the units.
    step_updates: see `name`.
    step_factor: see `name`.
    """

    name: ScheduleName
    peak: float
    total_updates: float = math.inf
    warmup_updates: float = 0
    step_updates: float = math.inf
    step_factor: float = 1.0

    @classmethod
    def of_run(cls, settings: Mapping[str, Any], epoch: float, run: float) -> "Schedule":
        """The schedule of a net's settings, for so many weight updates in an epoch and in the run."""
        return cls(
            name=settings["lr_schedule"],
            peak=settings["learning_rate"],
            total_updates=run,
            warmup_updates=settings["lr_warmup_epochs"] * epoch,
            step_updates=settings["lr_step_epochs"] * epoch,
            step_factor=settings["lr_step_factor"],
        )

    def __call__(self, update: int) -> float:
        """η of the weight update number `update`, counted from 0."""
        if update + 1 < self.warmup_updates:
            return self.peak * (update + 1) / self.warmup_updates
        done = max(0.0, update - self.warmup_updates)
        if self.name == "cosine":
            share = min(1.0, done / max(1.0, self.total_updates - self.warmup_updates))
            return self.peak * 0.5 * (1 + math.cos(math.pi * share))
        if self.name == "step":
            return self.peak * float(self.step_factor ** (done // self.step_updates))
        return self.peak

    def factor(self, update: int) -> float:
        """η of an update as a share of `peak`, as torch's LambdaLR takes it."""
        return self(update) / self.peak


def limit(number: int | None) -> float:
    """A limit of the Trainer as a number; -1 and None mean that there is none."""
    return math.inf if number is None or number < 0 else float(number)


def run_length(trainer: "L.Trainer") -> tuple[float, float]:
    """The number of weight updates of an epoch, and of the run; infinite if nothing limits it."""
    trainer.fit_loop.setup_data()  # loads the data, so that the number of mini-batches is known; needed once
    batches = trainer.num_training_batches
    if math.isinf(batches):
        return math.inf, limit(trainer.max_steps)
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        if callable(accumulated := getattr(callback, "get_accumulate_grad_batches", None)):
            # A GradientAccumulationScheduler: Lightning's estimate raises an error for it.
            epochs = limit(trainer.max_epochs)
            run = epochs if math.isinf(epochs) else sum(math.ceil(batches / accumulated(e)) for e in range(int(epochs)))
            return math.ceil(batches / accumulated(0)), min(run, limit(trainer.max_steps))
    return math.ceil(batches / trainer.accumulate_grad_batches), trainer.estimated_stepping_batches
