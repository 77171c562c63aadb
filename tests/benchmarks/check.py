"""Check that a row did the same work as the reference, a plain autograd loop. A faster row must not do less.

Each row returns its trained weights. `outcome` (work.py) computes from them the cost, the accuracy and how far each
layer has moved. The tolerances depend on what may differ:

- "exact": same mini-batches in the same order. Only the order of float32 sums differs. Observed relative differences
  are 1e-6; the tolerance is 1e-4. For comparison: if one image is trained on twice, the small net's cost changes by
  2e-3. If η is off by 2%, the figures of every net change by 3e-3 or more.
- "bf16": the same, with matrix products in bfloat16. Observed 1e-3, tolerance 5e-3.
- "shuffled": the framework shuffles by itself. Over several orders, the distances moved differ by up to 0.7%, the cost
  by 5% and the accuracy by 0.3 percentage points. The tolerances are 2%, 10% and 1 point. If η is off by 10%, the
  distance of a layer changes by 4% or more; with another batch size, or one epoch more or less, by 10% or more.
"""

from typing import Literal, NamedTuple

from tests.benchmarks.work import Outcome

CheckKind = Literal["exact", "bf16", "shuffled"]


class Tolerance(NamedTuple):
    """The differences allowed.

    cost: relative to the reference.
    accuracy: absolute.
    moved: relative to the reference.
    """

    cost: float
    accuracy: float
    moved: float


TOLERANCES: dict[CheckKind, Tolerance] = {
    "exact": Tolerance(cost=1e-4, accuracy=1e-3, moved=1e-4),
    "bf16": Tolerance(cost=5e-3, accuracy=5e-3, moved=5e-3),
    "shuffled": Tolerance(cost=0.1, accuracy=0.01, moved=0.02),
}


def disagreement(outcome: Outcome, reference: Outcome, kind: CheckKind) -> str | None:
    """Describe the first figure that differs from the reference by more than allowed; None if none does."""
    tolerance = TOLERANCES[kind]
    figures = [
        ("cost", outcome.cost, reference.cost, tolerance.cost * reference.cost),
        ("accuracy", outcome.accuracy, reference.accuracy, tolerance.accuracy),
    ]
    for i, (has, wants) in enumerate(zip(outcome.moved, reference.moved, strict=True), 1):
        figures.append((f"|W - W0| of layer {i}", has, wants, tolerance.moved * wants))
    for name, has, wants, allowed in figures:
        if not abs(has - wants) <= allowed:  # written this way, NaN is a disagreement
            return f"{name} is {has:.5g}, the reference's {wants:.5g}"
    return None
