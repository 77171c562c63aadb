"""Judge what a reader makes of an input: a right result or one sentence, in little time and memory."""

import re
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mnist_mlp.errors import InputError

SECONDS, BYTES = 2.0, 500 * 10**6
HARD_LIMIT = 4 * 2**30  # of more memory than before, so that a failure does not end the machine

STOP_AFTER = 10  # s of the CPU's time, so that an endless loop ends


class TooSlow(BaseException):
    """Ends a reader. It is no Exception, so that no reader catches it."""


@dataclass
class Report:
    """What became of all inputs.

    counts: the number of results, sentences and failures.
    failures: a description for each kind of failure, with the number of its first input.
    """

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, number: int, failure: str | None, outcome: str) -> None:
        self.counts[outcome if failure is None else "failure"] += 1
        if failure is not None:
            self.kinds[failure] += 1
            self.failures.setdefault(failure, f"input {number}")

    def __str__(self) -> str:
        lines = [f"{n} times, first {self.failures[kind]}: {kind}" for kind, n in self.kinds.most_common()]
        return "\n".join([str(dict(self.counts)), *lines])


def judge(inputs: Iterator[Any], read: Callable[[Any], object]) -> Report:
    """Read every input, and report on all of them.

    Args:
        inputs: what `read` takes.
        read: raises an InputError, or returns after it has checked its result with `assert`.
    """
    report = Report()
    with _limited_memory(), _stopped_when_slow():
        for number, given in enumerate(inputs):
            before = _reset_peak()
            began = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, STOP_AFTER)
            failure, outcome = None, "result"
            try:
                read(given)
            except InputError as error:
                outcome = "sentence"
                failure = _unclear(error)
            except TooSlow:
                failure = f"took more than {STOP_AFTER} s"
            except Exception as error:
                failure = _where(error)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            seconds, grown = time.process_time() - began, _peak() - before
            if failure is None and seconds > SECONDS:
                failure = f"took {seconds:.0f} s"
            if failure is None and grown > BYTES:
                failure = f"took {grown / 1e9:.1f} GB"
            report.add(number, failure, outcome)
    return report


def _unclear(error: InputError) -> str | None:
    """Say what is wrong with the sentence, if anything is."""
    text = str(error)
    if "\n" in text or not text.endswith((".", "?")) or not 10 < len(text) < 1000:
        return f"not one sentence: {text[:200]!r}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError) or "allocate memory" in str(cause):
            return f"{type(cause).__name__} behind a sentence: {str(cause)[:100]}"
        cause = cause.__cause__ or cause.__context__
    return None


def _where(error: Exception) -> str:
    """Describe an exception by its type, and by the last places of its traceback in this project and outside."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "mnist_mlp" in frame.filename or "/tests/" in frame.filename]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*own[-1:], frames[-1])]
    message = re.sub(r"0x\w+|'[^']*'|\d+", "_", " ".join(str(error).split()))[:80]  # the same for all of a kind
    return f"{type(error).__name__}: {message} ({', '.join(dict.fromkeys(places))})"


@contextmanager
def _stopped_when_slow() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _limited_memory() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + HARD_LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _reset_peak() -> int:
    """Make the peak of resident memory start again from now; return what is in use, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)
