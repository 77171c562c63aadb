"""Errors that a user can cause: one sentence, exit code 2, no traceback."""

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE
FULL = (errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC))  # EDQUOT: not on Windows


class InputError(ValueError):
    """Input that cannot be used. The message is one sentence: what is wrong, and what to do about it."""


def run_command(command: Callable[[], object]) -> None:
    """Run a command's function. On an `InputError`, print it to stderr as one line and end the process.

    Characters that stdout cannot encode, such as η in Windows' cp1252, are printed as "?". A closed stream drops
    all.

    Raises:
        SystemExit: with code 2 after an `InputError`, or if stdout is a file on a full disk; 130 after Ctrl-C; 141 if
            the reader of stdout ended first, as `| head -1` does.
    """
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (stays open until the process ends)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            command()
        finally:
            sys.stdout.flush()  # a closed pipe raises its error here, not when Python exits
    except InputError as error:
        _end(EXIT_BAD_INPUT, f"error: {error}")
    except KeyboardInterrupt:
        _end(EXIT_INTERRUPTED, "interrupted.")
    except BrokenPipeError:
        _drop_output()
        sys.exit(EXIT_BROKEN_PIPE)
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        _drop_output()
        _end(EXIT_BAD_INPUT, f"error: cannot write the output ({error.strerror}); make room, or send it elsewhere.")


def _end(code: int, sentence: str) -> NoReturn:
    with suppress(OSError):  # stderr is on a full disk, too
        print(f"mnist_mlp: {sentence}", file=sys.stderr)
    sys.exit(code)


def _drop_output() -> None:
    """Drop what stdout still holds: Python flushes it when it exits (docs of `signal`, "Note on SIGPIPE")."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
