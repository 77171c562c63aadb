"""Say whether the net is sure of an answer."""

from collections.abc import Sequence

SURE = 0.5  # the largest activation of a sure answer, at least
MARGIN = 0.35  # by which it is larger than the second, at least


def is_sure(activations: Sequence[float]) -> bool:
    """Say whether the largest activation is large, and clearly larger than the second.

    Args:
        activations: of the output neurons, two or more.
    """
    second, largest = sorted(activations)[-2:]
    return largest >= SURE and largest - second >= MARGIN
