"""Every argument of Trainer has its documented effect on our net, as on a plain one, or is refused in one sentence."""

import inspect
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest

from tests.trainer.argument_cases import ARGUMENTS, CASES
from tests.trainer.case import Case
from tests.trainer.runs import assert_case

pytestmark = pytest.mark.usefixtures("few_images")

NAMES = [name for name in inspect.signature(L.Trainer.__init__).parameters if name != "self"]
# An argument that the installed Lightning does not have is left out.
INSTALLED = [pytest.param(case, id=f"{name}-{case.value}") for name, case in CASES if name in NAMES]


@pytest.mark.parametrize("case", INSTALLED)
def test_argument(case: Case, tmp_path: Path, printed: Callable[[], str]) -> None:
    assert_case(case, tmp_path, printed)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_has_a_case(name: str) -> None:
    assert ARGUMENTS.get(name), (
        f"Trainer's argument {name} has no case: add one to CASES in tests/trainer/argument_cases.py, then run "
        "python -m tests.trainer.table --write."
    )
