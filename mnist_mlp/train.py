"""`python -m mnist_mlp.train`: train a net, choose its best epoch on the validation split, test that one once."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mnist_mlp.errors import run_command
from mnist_mlp.training.help import asked_for, quick_help
from mnist_mlp.training.signals import interrupts_wait

if TYPE_CHECKING:
    import lightning as L


def train(args: Sequence[str] | None = None) -> "L.Trainer":
    """Run the command.

    Args:
        args: the options; None takes those of the process.

    Returns:
        The Trainer. Its `callback_metrics` hold the metrics of the test split.

    Raises:
        InputError: an option, a file or a folder cannot be used; another process trains this run.
        SystemExit: with code 0 after --help, 130 after Ctrl-C, 143 after SIGTERM.
    """
    options = sys.argv[1:] if args is None else args
    if asked_for(options):
        print(quick_help())
        sys.exit(0)
    with interrupts_wait():
        from mnist_mlp.training.run import run
    return run(options)


if __name__ == "__main__":
    run_command(train)
