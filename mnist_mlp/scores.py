"""What is told about a split: its average cost, its accuracy, and whether the net gives more than one answer."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassStatScores


class Score(NamedTuple):
    """cost: the average cost C(w). accuracy: the share of right guesses, 0..1. guessed: how many of the ten
    digits were guessed at all; 1 is a net that has collapsed to one constant answer."""

    cost: Tensor
    accuracy: Tensor
    guessed: Tensor


class Scores(nn.Module):
    """Gathers over mini-batches, and over processes; every example counts the same, however they are cut."""

    # Metrics take their time for every call, so small mini-batches are gathered before they are counted.
    PENDING_LIMIT = 128

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self._pending: list[tuple[Tensor, Tensor, Tensor]] = []
        self.cost = MeanMetric(nan_strategy="disable")
        self.counts = MulticlassStatScores(num_classes=n_outputs, average=None, validate_args=False)

    def update(self, costs: Tensor, activations: Tensor, labels: Tensor) -> None:
        """costs (B,), output activations (B, 10), labels (B,)."""
        if len(labels):
            self._pending.append((costs.detach(), activations.detach(), labels))
        if len(self._pending) >= self.PENDING_LIMIT:
            self._count()

    def compute(self) -> Score:
        """The scores of all that came since the last call, which begins anew."""
        self._count()
        true_positive, false_positive, _, _, support = self.counts.compute().unbind(-1)
        score = Score(
            cost=self.cost.compute(),
            accuracy=true_positive.sum() / support.sum(),
            guessed=(true_positive + false_positive > 0).sum(),
        )
        self.cost.reset()
        self.counts.reset()
        return score

    def state(self) -> dict[str, Tensor]:
        """What was gathered since the last `compute`, for a checkpoint."""
        self._count()
        return {f"{i}.{name}": value for i, name, value in self._states()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        for i, name, value in self._states():
            setattr((self.cost, self.counts)[i], name, state[f"{i}.{name}"].to(value.device))

    def _states(self) -> list[tuple[int, str, Tensor]]:
        return [
            (i, name, value)
            for i, metric in enumerate((self.cost, self.counts))
            for name, value in metric.metric_state.items()
            if isinstance(value, Tensor)
        ]

    def _count(self) -> None:
        if self._pending:
            costs, activations, labels = (torch.cat(parts) for parts in zip(*self._pending, strict=True))
            self.cost.update(costs)
            # A cost that is not a number is told by `cost`; the guesses need numbers.
            self.counts.update(torch.nan_to_num(activations), labels)
            self._pending.clear()
