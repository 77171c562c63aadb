"""Several devices and machines train our net as they train a plain one, and share each mini-batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.command import ROOT
from tests.trainer.argument_cases import IN_PROCESSES
from tests.trainer.runs import BATCHES, rounding

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the result of each case."""
    folder = tmp_path_factory.mktemp("processes")
    command = [sys.executable, "-m", "tests.trainer.processes", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.mark.parametrize("number", range(len(IN_PROCESSES)), ids=[name for name, _ in IN_PROCESSES])
def test_several_processes(results: Path, number: int) -> None:
    updates, ours, closed_form, processes = torch.load(results / f"{number}-ours.pt")
    plain_updates, plain, _, plain_processes = torch.load(results / f"{number}-plain.pt")
    assert processes == plain_processes == 2
    assert updates == plain_updates == BATCHES
    assert not closed_form
    torch.testing.assert_close(ours, plain, rtol=0, atol=rounding(updates, torch.float64))
