"""The metrics of a split: average cost, accuracy, and the number of classes that the net predicts at all."""

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassStatScores

# A torchmetrics call takes longer than a small mini-batch, so mini-batches are gathered before they are counted. On an
# accelerator the count waits for the device, once in 128 mini-batches.
PENDING_LIMIT = 128


def at_least_float32(activations: Tensor) -> Tensor:
    """The same numbers in float32 or more. Costs are summed in that, whatever precision the net computes in."""
    return activations.to(torch.promote_types(activations.dtype, torch.float32))


class Metrics(nn.Module):
    """Accumulates over mini-batches and over processes. Every example counts the same, whatever the mini-batches.

    Args:
        n_outputs: number of classes.
    """

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self._pending: list[tuple[Tensor, Tensor, Tensor]] = []
        self.cost = MeanMetric(nan_strategy="disable")
        self.counts = MulticlassStatScores(num_classes=n_outputs, average=None, validate_args=False)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def update(self, costs: Tensor, activations: Tensor, labels: Tensor) -> None:
        """Add examples: their costs (B,), output activations (B, 10) and labels (B,)."""
        if len(labels):
            self._pending.append((costs.detach(), activations.detach(), labels))
        if len(self._pending) >= PENDING_LIMIT:
            self._count()

    def compute(self, split: str) -> dict[str, Tensor]:
        """The metrics of all examples since the last call, named "SPLIT/...", and start again.

        Returns:
            cost: the average cost C(w).
            accuracy: the share of correct predictions, 0..1.
            predicted_classes: how many of the ten digits are predicted at all; 1 is a net that has collapsed.
        """
        self._count()
        true_positive, false_positive, _, _, support = self.counts.compute().unbind(-1)
        values = {
            f"{split}/cost": self.cost.compute().float(),
            f"{split}/accuracy": (true_positive.sum() / support.sum()).float(),
            f"{split}/predicted_classes": (true_positive + false_positive > 0).sum().float(),
        }
        self.cost.reset()
        self.counts.reset()
        return values

    def state(self) -> dict[str, Tensor]:
        """The sums since the last `compute`, for a checkpoint."""
        self._count()
        return {f"{i}.{name}": value for i, name, value in self._states()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned."""
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
            # A NaN shows in the cost. The counts need numbers.
            self.counts.update(torch.nan_to_num(activations), labels)
            self._pending.clear()
