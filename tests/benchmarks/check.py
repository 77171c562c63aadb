"""Whether a row did the same work as the reference, the bare autograd loop: a faster row must not do less.

Each row ends with weights, and of these work.py's `outcome` tells the cost, the accuracy, and how far each layer has
moved. How near they must come depends on what may differ:

- "exact", the same mini-batches in the same order: only the order of float32 sums differs, which was seen to change
  the figures by 1e-6 of their size. The tolerance is 1e-4; one image trained on twice changes the small net's cost
  by 2e-3, and η wrong by 2% every net's figures by 3e-3 or more.
- "bf16", the same, but with products rounded to 8 bits: seen 1e-3, tolerance 5e-3.
- "shuffled", mini-batches that the framework draws by itself: over several orders the layers moved as far to 0.7%,
  with a cost within 5% and an accuracy within 0.3 percentage points. The tolerances are 2%, 10% and 1 point; η wrong
  by 10% moves a layer by 4% or more, and mini-batches of another size, or an epoch more or less, by 10% or more.
"""

from typing import Literal, NamedTuple

from tests.benchmarks.work import Outcome

CheckKind = Literal["exact", "bf16", "shuffled"]


class Tolerance(NamedTuple):
    """cost and moved: relative to the reference's. accuracy: absolute."""

    cost: float
    accuracy: float
    moved: float


TOLERANCES: dict[CheckKind, Tolerance] = {
    "exact": Tolerance(cost=1e-4, accuracy=1e-3, moved=1e-4),
    "bf16": Tolerance(cost=5e-3, accuracy=5e-3, moved=5e-3),
    "shuffled": Tolerance(cost=0.1, accuracy=0.01, moved=0.02),
}


def disagreement(outcome: Outcome, reference: Outcome, kind: CheckKind) -> str | None:
    """What the outcome does not share with the reference's; None if it is the same work."""
    tolerance = TOLERANCES[kind]
    figures = [
        ("cost", outcome.cost, reference.cost, tolerance.cost * reference.cost),
        ("accuracy", outcome.accuracy, reference.accuracy, tolerance.accuracy),
    ]
    for i, (has, wants) in enumerate(zip(outcome.moved, reference.moved, strict=True), 1):
        figures.append((f"|W - W0| of layer {i}", has, wants, tolerance.moved * wants))
    for name, has, wants, allowed in figures:
        if not abs(has - wants) <= allowed:  # so that NaN is a disagreement
            return f"{name} is {has:.5g}, the reference's {wants:.5g}"
    return None
