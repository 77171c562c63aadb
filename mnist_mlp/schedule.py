"""The learning rate η of each weight update."""

import math
from dataclasses import dataclass
from typing import Literal

ScheduleName = Literal["constant", "cosine", "step"]


@dataclass(frozen=True)
class Schedule:
    """η as a function of the number of weight updates made so far.

    name: "constant"; "cosine", down to 0 over the run along half a cosine (Loshchilov and Hutter 2017, without
        restarts); or "step", times `step_factor` after every `step_updates`.
    peak: η where the schedule begins.
    total_updates: of the whole run; cosine needs it.
    warmup_updates: before the schedule begins, η rises linearly to `peak` over so many updates. Wide layers of
        sigmoid units need it: their activations are all near 0.5 at first, so that the output layer's cost is
        curved most, and a large η would saturate them.
    """

    name: ScheduleName
    peak: float
    total_updates: float = math.inf
    warmup_updates: float = 0
    step_updates: float = math.inf
    step_factor: float = 1.0

    def __call__(self, update: int) -> float:
        """η of the weight update that follows `update` earlier ones."""
        if update + 1 < self.warmup_updates:
            return self.peak * (update + 1) / self.warmup_updates
        done = max(0.0, update - self.warmup_updates)
        if self.name == "cosine":
            share = min(1.0, done / max(1.0, self.total_updates - self.warmup_updates))
            return self.peak * 0.5 * (1 + math.cos(math.pi * share))
        if self.name == "step":
            return self.peak * float(self.step_factor ** (done // self.step_updates))
        return self.peak
