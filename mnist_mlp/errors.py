"""Errors that a user can cause: one sentence, exit code 2, no traceback."""

import io
import os
import sys
from collections.abc import Callable

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE


class InputError(ValueError):
    """Input that cannot be used. The message is one sentence: what is wrong, and what to do about it."""


def run_command(command: Callable[[], object]) -> None:
    """Run a command's function. On an `InputError`, print it to stderr as one line and end the process.

    Characters that stdout cannot encode, such as η in Windows' cp1252, are printed as "?".

    Raises:
        SystemExit: with code 2 after an `InputError`, 130 after Ctrl-C, 141 if the reader of stdout ended first, as
            `| head -1` does.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            command()
        finally:
            sys.stdout.flush()  # a closed pipe raises its error here, not when Python exits
    except InputError as error:
        print(f"mnist_mlp: error: {error}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        print("mnist_mlp: interrupted.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout once more when it exits (docs of `signal`, "Note on SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_BROKEN_PIPE)
