"""Ctrl-C while modules are imported. It is light: the command imports it before torch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Raise the KeyboardInterrupt of Ctrl-C at the end of the block.

    Within the import of a large package it would be lost, or turned into another error, in some places: Python
    ignores errors in the callbacks of its import locks, and C extensions report their own.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed within the block.
    """
    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not own or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []

    def note(signum: int, frame: Any) -> None:
        pressed.append(signum)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt
