"""`python -m tests.benchmarks`: compare this project's training speed with other ways to train the same net.

All rows of a table train the same net on the same data (work.py), each in its own process (rows.py), in alternation
(measure.py). The result of every row is checked (check.py). Tables go to stdout as Markdown, progress to stderr. The
exit code is 1 if a row failed or did different work. The rows are implemented in in_*.py, the three parts of the
benchmark in speed.py, start.py and growth.py.
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
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Measure the training speed.")
    parser.add_argument(
        "--part",
        choices=["speed", "start", "growth"],
        default="speed",
        help="speed: seconds per epoch (default). start: seconds from the start of a process to 98%% test accuracy. "
        "growth: seconds per epoch over examples, width and depth.",
    )
    parser.add_argument("--rounds", type=_count, default=3, help="processes per row (default 3)")
    parser.add_argument("--epochs", type=_count, default=2, help="timed epochs per process (default 2; slow rows: 1)")
    parser.add_argument(
        "--nets",
        nargs="+",
        choices=NETS,
        default=list(NETS),
        metavar="NET",
        help=f"for --part speed (default: all): {', '.join(NETS)}",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        choices=ROWS,
        metavar="ROW",
        help=f"for --part speed, run on every net (default: all, each on the nets that suit it): {', '.join(ROWS)}",
    )
    return parser


def _count(text: str) -> int:
    """Parse a number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
