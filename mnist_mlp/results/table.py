"""The results table: its rows, the CSV file of measured runs, and the table as Markdown."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

from mnist_mlp.errors import InputError
from mnist_mlp.files import write_atomically


@dataclass(frozen=True)
class Row:
    """A row of the table, named after its config.

    net: the net, as the table shows it.
    published: the published test error, percent.
    at_best_on_test: whether the source chose its epoch by the test images. If so, that figure is measured as well.
    """

    net: str
    published: float | None = None
    at_best_on_test: bool = False


ROWS = {
    "default": Row("784-300-10"),
    "speedrun": Row("784-350-10, deskewed"),
    "nielsen-30": Row("784-30-10", 4.58, at_best_on_test=True),
    "nielsen-100": Row("784-100-10", 3.41, at_best_on_test=True),
    "nielsen-30-ch1": Row("784-30-10, initial weights as published", 4.58, at_best_on_test=True),
    "nielsen-100-ch1": Row("784-100-10, initial weights as published", 3.41, at_best_on_test=True),
    "lecun98-300": Row("784-300-10", 4.7),
    "lecun98-300-deskew": Row("784-300-10, deskewed", 1.6),
    "lecun98-1000": Row("784-1000-10", 4.5),
    "lecun98-300-100": Row("784-300-100-10", 3.05),
    "lecun98-500-150": Row("784-500-150-10", 2.95),
    "lecun98-300-affine": Row("784-300-10, distorted", 3.6),
    "lecun98-1000-affine": Row("784-1000-10, distorted", 3.8),
    "lecun98-300-100-affine": Row("784-300-100-10, distorted", 2.5),
    "lecun98-500-150-affine": Row("784-500-150-10, distorted", 2.45),
    "simard03-800": Row("784-800-10, elastic", 0.9),
    "simard03-800-ce": Row("784-800-10, elastic, cross-entropy", 0.7),
    "simard03-800-sigmoid": Row("784-800-10 of sigmoid units, elastic", 0.9),
    "ciresan10-1000-500": Row("784-1000-500-10 of sigmoid units, elastic and affine; easy examples left out", 0.49),
    "ciresan10-1000-500-deskew": Row("784-1000-500-10 of sigmoid units, deskewed, elastic and affine", 0.49),
    "ciresan10-1000-500-sigmoid": Row("784-1000-500-10 of sigmoid units, elastic and affine", 0.49),
    "ciresan10-1000-500-tanh": Row("784-1000-500-10, elastic and affine", 0.49),
    "ciresan10-12m": Row("784-2500-2000-1500-1000-500-10, elastic and affine", 0.35),
    "record": Row("784-1500-750-10 of sigmoid units, elastic and affine"),
    "record-skip": Row("784-1500-750-10 of sigmoid units, elastic and affine; easy examples left out"),
    "record-wide": Row("784-2500-1250-10 of sigmoid units, deskewed, elastic and affine"),
}


@dataclass(frozen=True)
class Measured:
    """A measured run.

    row: the name of its row.
    seed: the seed of the run.
    error: test error of the chosen epoch, percent.
    best_on_test: the lowest test error of all epochs, percent; chosen by the test images, so it is not an honest
        estimate. None where the source reports no such figure.
    tested_epoch: the epoch of the tested checkpoint, from 1 on.
    epochs: number of epochs trained.
    updates: number of weight updates. Examples left out by `skip_below` do not lower it.
    seconds: run time of the whole process; for a resumed run, the sum over its processes.
    machine: the processor and its number of cores.
    commit: the project's commit.
    day: the date, YYYY-MM-DD.
    """

    row: str
    seed: int
    error: float
    best_on_test: float | None
    tested_epoch: int
    epochs: int
    updates: int
    seconds: float
    machine: str
    commit: str
    day: str


def read_csv(path: Path) -> list[Measured]:
    """Read the measured runs. A file that does not exist holds none.

    Raises:
        InputError: the file is not a table that `write_csv` wrote.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            return [_measured(line) for line in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table of this command; name another file with --csv.") from error


def _measured(line: dict[str, str]) -> Measured:
    best = line["best_on_test"]
    return Measured(
        row=line["row"],
        seed=int(line["seed"]),
        error=float(line["error"]),
        best_on_test=float(best) if best else None,
        tested_epoch=int(line["tested_epoch"]),
        epochs=int(line["epochs"]),
        updates=int(line["updates"]),
        seconds=float(line["seconds"]),
        machine=line["machine"],
        commit=line["commit"],
        day=line["day"],
    )


def write_csv(path: Path, measured: Iterable[Measured]) -> None:
    """Write the measured runs, sorted by row and seed. The file is replaced atomically.

    Raises:
        InputError: the file cannot be written.
    """
    order = list(ROWS)
    lines = sorted(measured, key=lambda m: (order.index(m.row) if m.row in order else len(order), m.row, m.seed))
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Measured)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in lines)
    try:
        write_atomically(path, text.getvalue().encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; name another file with --csv.") from error


def table(measured: Sequence[Measured]) -> str:
    """Return the table of configs/README.md: for each row the median over its seeds, and the range of several."""
    lines = [
        "| config | net | published | measured | best epoch on test | epochs | time of a run | machine | commit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in ROWS.items():
        runs = [m for m in measured if m.row == name]
        if not runs:
            continue
        published = f"{row.published:.2f}%" if row.published is not None else ""
        best = [m.best_on_test for m in runs if m.best_on_test is not None]
        lines.append(
            f"| [{name}]({name}.yaml) | {row.net} | {published} | **{_percent([m.error for m in runs])}** "
            f"| {_percent(best)} | {runs[0].epochs} | {_time(runs)} "
            f"| {_each(m.machine for m in runs)} | {_each(m.commit for m in runs)} |"
        )
    return "\n".join(lines)


def _percent(errors: Sequence[float]) -> str:
    if not errors:
        return ""
    spread = f" ({min(errors):.2f} to {max(errors):.2f}, {len(errors)} seeds)" if len(errors) > 1 else " (1 seed)"
    return f"{median(errors):.2f}%{spread}"


def _time(runs: Sequence[Measured]) -> str:
    seconds = median(m.seconds for m in runs)
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _each(names: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(names))
