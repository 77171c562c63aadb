"""Rounds: every row in turn, each time in a process of its own, and every time its outcome is checked."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.benchmarks.check import disagreement
from tests.benchmarks.report import say
from tests.benchmarks.rows import REFERENCE, ROWS, Run, run_row
from tests.benchmarks.work import Net, Outcome, prepare


class Measured(NamedTuple):
    """Of one row on one net: the seconds of all its timed epochs, and what is wrong with it."""

    seconds: list[float]
    fault: str | None

    @property
    def median(self) -> float | None:
        """Seconds per epoch; None for a row that did not do the work."""
        return median(self.seconds) if self.fault is None else None


def measure(net: Net, names: Sequence[str], rounds: int, epochs: int) -> dict[str, Measured]:
    """The rows `names` on `net`, A B C A B C: what slows the machine for a while slows all of them.

    Args:
        epochs: timed in each process, after one that is not; rows that are slow have one timed.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark") as folder:
        works = _Works(net, Path(folder))
        runs: dict[str, list[Run]] = {name: [] for name in names}
        faults: dict[str, str] = {}
        for i in range(rounds):
            for name in names:
                try:
                    run = run_row(name, works.task(_epochs(name, epochs)))
                    works.check(name, _epochs(name, epochs), run.outcome)
                except (RuntimeError, _DifferentWork) as error:
                    faults[name] = str(error)
                    say(f"round {i + 1}/{rounds}  {net}  {name}  FAULT: {error}")
                    continue
                runs[name].append(run)
                say(f"round {i + 1}/{rounds}  {net}  {name}  {' '.join(f'{s:.3f}' for s in run.seconds)} s")
    return {name: Measured([s for run in runs[name] for s in run.seconds], faults.get(name)) for name in names}


def _epochs(name: str, epochs: int) -> int:
    return 1 + (1 if ROWS[name].slow else epochs)


class _DifferentWork(Exception):
    """A row's outcome is not the reference's."""


class _Works:
    """One net's tasks, by number of epochs, and what should come of them."""

    def __init__(self, net: Net, folder: Path) -> None:
        self.net, self.folder = net, folder
        self.references: dict[int, Outcome] = {}

    def task(self, epochs: int) -> Path:
        path = self.folder / f"{epochs}.npz"
        if not path.exists():
            prepare(self.net, epochs, path)
        return path

    def check(self, name: str, epochs: int, outcome: Outcome | None) -> None:
        kind = ROWS[name].check
        if kind is None:
            return
        assert outcome is not None
        if name == REFERENCE:
            self.references.setdefault(epochs, outcome)
        if epochs not in self.references:
            reference = run_row(REFERENCE, self.task(epochs)).outcome
            assert reference is not None
            self.references[epochs] = reference
        if fault := disagreement(outcome, self.references[epochs], kind):
            raise _DifferentWork(f"did different work: {fault}")
