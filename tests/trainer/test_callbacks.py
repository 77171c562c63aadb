"""Every callback of Lightning has its documented effect on our net, as on a plain one, or is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lightning.pytorch import callbacks

from tests.trainer.callback_cases import CALLBACKS
from tests.trainer.case import Case
from tests.trainer.runs import assert_case

pytestmark = pytest.mark.usefixtures("few_images")

# A callback that the installed Lightning does not have is left out.
INSTALLED = [pytest.param(case, id=name) for name in callbacks.__all__ for case in CALLBACKS.get(name, [])]


@pytest.mark.parametrize("case", INSTALLED)
def test_callback(case: Case, tmp_path: Path, printed: Callable[[], str]) -> None:
    assert_case(case, tmp_path, printed)


@pytest.mark.parametrize("name", callbacks.__all__)
def test_every_callback_has_a_case(name: str) -> None:
    assert CALLBACKS.get(name), (
        f"lightning.pytorch.callbacks.{name} has no case: add one to CALLBACKS in tests/trainer/callback_cases.py, "
        "then run python -m tests.trainer.table --write. If it only looks on, it may stand in ONLY_LOOK in "
        "mnist_mlp/fast/eligibility.py."
    )
