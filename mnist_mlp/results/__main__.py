"""`python -m mnist_mlp.results`: measure the results table of configs/README.md, published beside measured figures.

Each row is a config in the folder configs. It is trained by the command that a reader would type, in a process of its
own. The config says whether training uses a validation split. The test split is read at the end of the run.
"""

from collections.abc import Sequence
from pathlib import Path

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.options import SEED, Parser, whole_number
from mnist_mlp.results.table import ROWS, read_csv, table, write_csv


def results(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        args: the options; None takes those of the process.

    Raises:
        InputError: an option or a file cannot be used, or a run failed. The results of earlier runs are kept.
    """
    options = _parser().parse_args(args)
    names = options.rows or list(ROWS)
    if unknown := [name for name in names if name not in ROWS]:
        raise InputError(f"there is no row {', '.join(unknown)}; the rows are {', '.join(ROWS)}.")
    path = Path(options.csv)
    measured = read_csv(path)
    if not options.table:
        from mnist_mlp.results.measure import measure_all  # imports torch, which takes seconds

        there = {(run.row, run.seed) for run in measured}
        todo = [(name, seed) for name in names for seed in dict.fromkeys(options.seeds) if (name, seed) not in there]
        for run in measure_all(todo, Path(options.runs), options.jobs):
            measured.append(run)
            write_csv(path, measured)
    print(table([m for m in measured if m.row in names]))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.results",
        description="Measure the results table of configs/README.md and print it. Runs that are already in the CSV "
        "file are skipped; interrupted runs are resumed.",
    )
    parser.add_argument(
        "--rows", nargs="+", default=None, metavar="NAME", help="Names of configs. Without this option: all rows."
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        type=SEED,
        default=[0, 1, 2],
        metavar="SEED",
        help="The seeds; each row is run once per seed.",
    )
    parser.add_argument(
        "--csv", type=str, default="results.csv", metavar="FILE", help="The file of measured runs, read and extended."
    )
    parser.add_argument("--runs", type=str, default="results", metavar="DIR", help="The folder for the runs.")
    parser.add_argument(
        "--jobs",
        type=whole_number(1, 1024),
        default=1,
        metavar="N",
        help="How many runs at once. Each has its share of the cores; one core each gives the most runs per hour.",
    )
    parser.add_argument("--table", action="store_true", help="Only print the table of the runs in the file.")
    return parser


if __name__ == "__main__":
    run_command(results)
