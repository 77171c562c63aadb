"""A missing tool skips a test with the reason, and fails it in CI."""

import shutil
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.tools import missing, need, need_package

MISSING: dict[str, tuple[Callable[[], Any], str]] = {
    "program": (lambda: need("no-such-program", "nor-this"), "needs the program no-such-program or nor-this"),
    "package": (lambda: need_package("no_such_package"), "needs the Python package no_such_package"),
    "other": (lambda: missing("not a git checkout"), "not a git checkout"),
}


@pytest.mark.parametrize(("ask", "reason"), MISSING.values(), ids=MISSING)
def test_a_missing_tool(ask: Callable[[], Any], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for not_ci in (None, "", "false"):
        monkeypatch.delenv("CI", raising=False)
        if not_ci is not None:
            monkeypatch.setenv("CI", not_ci)
        with pytest.raises(pytest.skip.Exception, match=f"^{reason}$"):
            ask()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=f"^{reason}, which CI has to provide$"):
        ask()


def test_a_tool_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the names that exists is taken."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(shutil, "which", {"python": "/bin/python"}.get)
    assert need("no-such-program", "python") == "/bin/python"
    assert need_package("sys") is sys
