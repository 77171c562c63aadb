"""`python -m mnist_mlp.results`: measure the rows of README's table, published figure beside measured one.

Each row is a config in the folder configs, run by the command that a reader would give, in a process of its own.
What a run's training chose by, the validation split or nothing, its config says; the test split is read at its end.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.options import Parser
from mnist_mlp.results.measure import measure
from mnist_mlp.results.table import ROWS, read_csv, table, write_csv


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


if __name__ == "__main__":
    run_command(results)
