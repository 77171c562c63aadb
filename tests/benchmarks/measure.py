"""Rounds of measurements: each round runs every row once, in its own process, and checks its outcome."""

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
    """The measurements of one row on one net.

    seconds: of all timed epochs.
    fault: what went wrong; None if nothing did.
    """

    seconds: list[float]
    fault: str | None

    @property
    def median(self) -> float | None:
        """Seconds per epoch; None for a row with a fault."""
        return median(self.seconds) if self.fault is None else None


def measure(net: Net, names: Sequence[str], rounds: int, epochs: int) -> dict[str, Measured]:
    """Measure rows in alternation, A B C A B C, so that a slow phase of the machine affects all of them.

    Args:
        net: the net to train.
        names: the rows.
        rounds: processes per row.
        epochs: timed epochs per process, after one that is not timed. Slow rows time one epoch.
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
    """The tasks of one net and the reference's outcomes, by number of epochs."""

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
