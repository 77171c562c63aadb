"""Tools that tests need and that a machine may lack."""

import importlib
import os
import shutil
from types import ModuleType
from typing import NoReturn

import pytest


def need(*names: str) -> str:
    """Return the path of a program, found under one of its names.

    A test without it is skipped, with the reason. In CI, where the variable CI is set, it fails: CI installs all tools.
    """
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        missing(f"needs the program {' or '.join(names)}")
    return path


def need_package(name: str) -> ModuleType:
    """Import an optional Python package. A test without it is skipped, or fails in CI."""
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"needs the Python package {name}")


def missing(reason: str) -> NoReturn:
    """Skip the test, with the reason. In CI, the test fails."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        pytest.fail(f"{reason}, which CI has to provide", pytrace=False)
    pytest.skip(reason)
