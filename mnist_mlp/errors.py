"""Errors that a user can cause: one clear sentence, exit code 2, no traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as a shell reports it


class InputError(ValueError):
    """Something the user gave cannot be used.

    Its message is one sentence that says what was wrong and what to do about it.
    """


@contextmanager
def one_sentence_errors() -> Iterator[None]:
    """Around a command's whole work: an `InputError` is printed to stderr as one line and ends the process.

    Raises:
        SystemExit: with code 2 for an `InputError`, 130 for Ctrl-C.
    """
    try:
        yield
    except InputError as error:
        print(f"mnist_mlp: error: {error}", file=sys.stderr)
        sys.exit(EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        print("mnist_mlp: interrupted.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
