"""`python -m tests.benchmarks`: how fast this project trains, beside what else one would train this net with.

Every row of a table does the same work (work.py) in a process of its own (rows.py), in turn (measure.py), and is
checked to have done it (check.py). Results go to stdout as Markdown, progress to stderr; the exit code is 1 if a row
failed or did other work. The rows themselves are in in_*.py, the parts in speed.py, start.py and growth.py.
"""

import argparse
import sys
from collections.abc import Sequence

from tests.benchmarks import growth, speed, start
from tests.benchmarks.report import surroundings
from tests.benchmarks.rows import ROWS
from tests.benchmarks.work import NETS


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    if options.part == "speed":
        good = speed.run(options.nets, options.rows, options.rounds, options.epochs)
    elif options.part == "start":
        good = start.run(options.rounds)
    else:
        good = growth.run(options.rounds, options.epochs)
    print(f"\n{surroundings(arguments)}")
    return 0 if good else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Time the training.")
    parser.add_argument(
        "--part",
        choices=["speed", "start", "growth"],
        default="speed",
        help="speed: seconds per epoch (default). start: seconds from the start of a process to 98%% test accuracy. "
        "growth: seconds per epoch over examples, width and depth.",
    )
    parser.add_argument("--rounds", type=_count, default=3, help="how often each row has its turn (default 3)")
    parser.add_argument("--epochs", type=_count, default=2, help="timed per turn; slow rows: 1 (default 2)")
    parser.add_argument(
        "--nets",
        nargs="+",
        choices=NETS,
        default=list(NETS),
        metavar="NET",
        help=f"of the part speed (default all): {', '.join(NETS)}",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=ROWS,
        metavar="ROW",
        help=f"of the part speed, on every net (default all, each on the nets that suit it): {', '.join(ROWS)}",
    )
    return parser


def _count(text: str) -> int:
    """1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
