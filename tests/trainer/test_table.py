"""The README's tables are those of the cases, and the cases can fail."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.case import Case
from tests.trainer.runs import BATCHES, EPOCHS, assert_same_training, fit, rounding, weights
from tests.trainer.table import README, readme


def test_the_readme_shows_the_outcome_of_each_case() -> None:
    text = README.read_text(encoding="utf-8")
    assert readme(text) == text, "run python -m tests.trainer.table --write"


@pytest.mark.usefixtures("few_images")
def test_a_single_update_more_or_less_is_seen(tmp_path: Path, printed: Callable[[], str]) -> None:
    """What rounding may change is far below what one weight update changes."""
    every, one_less = (
        Case("", "closed form", lambda _: {"max_steps": 20}),
        Case("", "closed form", lambda _: {"max_steps": 19}),
    )
    ours, plain = fit(every, True, tmp_path, printed), fit(one_less, False, tmp_path, printed)
    with pytest.raises(AssertionError):
        assert_same_training(ours, plain, every)
    last = (weights(ours.net) - weights(plain.net)).abs().max()
    assert last > 1e6 * rounding(EPOCHS * BATCHES, torch.float64)
    assert last > rounding(EPOCHS * BATCHES, torch.float32)
