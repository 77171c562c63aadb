"""`python -m mnist_mlp.results`: measure the rows of README's table, published figure beside measured one.

Each row is a config in the folder configs, run by the command that a reader would give, in a process of its own.
What a run's training chose by, the validation split or nothing, its config says; the test split is read at its end.
"""

import csv
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from statistics import median

from mnist_mlp.errors import InputError, one_sentence_errors
from mnist_mlp.files import write_whole
from mnist_mlp.options import Parser
from mnist_mlp.train import OUTCOME_FILE

PROJECT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Row:
    """net: as the table has it. published: test error in percent. at_best_on_test: whether the source chose the
    epoch by the test images, so that our figure chosen in the same way is measured, too."""

    net: str
    published: float | None = None
    at_best_on_test: bool = False


ROWS = {
    "default": Row("784-300-10"),
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
    """One run.

    error: on the test split, percent, of the epoch that the config's protocol chose. best_on_test: percent, the lowest
    of all epochs, which no honest choice can know; empty where the source does not report such a figure. updates: as
    many as if no example were left out (`SigmoidMLP`'s skip_below). seconds: of the whole process; of all of them,
    where a run was gone on with.
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
    """What was measured so far; nothing, where there is no file.

    Raises:
        InputError: the file is something else.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            return [_measured(line) for line in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a table of this command's; name another file with --csv.") from error


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
    """All of `measured`, in the order of the rows and seeds; the file is replaced as a whole.

    Raises:
        InputError: it cannot be written.
    """
    order = list(ROWS)
    lines = sorted(measured, key=lambda m: (order.index(m.row) if m.row in order else len(order), m.row, m.seed))
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Measured)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in lines)
    try:
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}; name another file with --csv.") from error


def table(measured: Sequence[Measured]) -> str:
    """README's table, in Markdown: for each row the median over the seeds, and the range where there are several."""
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
            f"| [{name}](configs/{name}.yaml) | {row.net} | {published} | **{_percent([m.error for m in runs])}** "
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


def results(args: Sequence[str] | None = None) -> None:
    """Run the command with these options; None takes those of the process.

    Raises:
        InputError: a row is unknown, a file cannot be used, or a run failed; what was measured before is kept.
    """
    options = _parser().parse_args(args)
    names = options.rows or list(ROWS)
    if unknown := [name for name in names if name not in ROWS]:
        raise InputError(f"there is no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}.")
    path = Path(options.csv)
    measured = read_csv(path)
    if not options.table:
        for name in names:
            for seed in options.seeds:
                if any(m.row == name and m.seed == seed for m in measured):
                    continue
                print(f"{name}, seed {seed}", file=sys.stderr, flush=True)
                measured.append(measure(name, seed, Path(options.runs)))
                write_csv(path, measured)
    print(table([m for m in measured if m.row in names]))


def measure(name: str, seed: int, runs: Path) -> Measured:
    """Run a row with a seed, or go on with its run if an earlier call was stopped in it.

    Raises:
        InputError: the run failed.
    """
    folder = runs / f"{name}-seed{seed}"
    run = folder / "lightning_logs" / "version_0"
    last = run / "checkpoints" / "last.ckpt"
    command = [sys.executable, "-m", "mnist_mlp.train"]
    before = 0.0
    if last.is_file():
        command += ["--ckpt_path", str(last)]
        before = seconds_trained(run, until=last.stat().st_mtime)
    else:
        command += [f"--config={_config(name)}", f"--seed_everything={seed}", f"--trainer.default_root_dir={folder}"]
        if ROWS[name].at_best_on_test:
            command += ["--trainer.callbacks+=mnist_mlp.checkpoint.EveryEpoch"]
    began, trained_at = time.perf_counter(), commit()
    done = subprocess.run(command, stdout=2, check=False)  # stdout is for the table
    if done.returncode != 0:
        raise InputError(f"the run of {name} with seed {seed} failed (see above); the rows before it are kept.")
    outcome = json.loads((run / OUTCOME_FILE).read_text())
    return Measured(
        row=name,
        seed=seed,
        error=round(100 * (1 - outcome["test_accuracy"]), 2),
        best_on_test=_best_on_test(run) if ROWS[name].at_best_on_test else None,
        tested_epoch=outcome["tested_epoch"],
        epochs=outcome["epochs"],
        updates=outcome["updates"],
        seconds=round(before + time.perf_counter() - began, 1),
        machine=machine(),
        commit=trained_at,
        day=date.today().isoformat(),
    )


def seconds_trained(run: Path, until: float) -> float:
    """How long processes have trained in this run before.

    Each wrote a file of events, with the time of its start in the name, and last a while before its end; of the latest
    process what counts is the time of the checkpoint that is gone on from, `until`.
    """
    files = {float(file.name.split(".")[3]): file.stat().st_mtime for file in run.glob("events.out.tfevents.*")}
    ends = [files[start] for start in sorted(files)[:-1]] + [until]
    return sum(max(0.0, end - start) for start, end in zip(sorted(files), ends, strict=False))


def _best_on_test(run: Path) -> float:
    """The lowest test error of all epochs, percent; their checkpoints are done with then."""
    from mnist_mlp.dataset import load
    from mnist_mlp.trained import load_net

    _, test = load()
    errors = []
    for path in (run / "checkpoints").glob("epoch=*.ckpt"):
        guesses = load_net(path).activations(test.images).argmax(1)
        errors.append(100 * float((guesses != test.labels).double().mean()))
        path.unlink()
    return round(min(errors), 2)


def _config(name: str) -> Path:
    path = PROJECT / "configs" / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"there is no {path}; the rows are run from a checkout of the project, with its configs.")
    return path


def machine() -> str:
    """The processor, a comma, and how many of its cores this process may use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"


def commit() -> str:
    """The project's commit, with a + if files differ from it."""

    def git(*args: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(PROJECT), *args], capture_output=True, text=True, check=False)
        except OSError:  # there is no git
            return ""
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "-uno") else "")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.results",
        description="Train the rows of README's table and print it. What is in the table's file already is not run "
        "again; a run that was stopped is gone on with.",
    )
    parser.add_argument("--rows", nargs="+", default=None, metavar="NAME", help="Names of configs; left out, all rows.")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], metavar="SEED", help="A run for each.")
    parser.add_argument("--csv", type=str, default="results.csv", metavar="FILE", help="The table's file.")
    parser.add_argument("--runs", type=str, default="results", metavar="DIR", help="The folder for the runs.")
    parser.add_argument("--table", action="store_true", help="Run nothing, only print the table of what there is.")
    return parser


def main() -> None:
    with one_sentence_errors():
        results()


if __name__ == "__main__":
    main()
