"""The training command in a process that kills itself: `python -m tests.training.killed N OPTIONS`.

The process counts its changes to the cache and to runs, and kills itself just before the N-th, so that the moment does
not depend on the speed of the machine. N = 0 never kills. The file $STEPS gets a line for each change.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")


class Steps:
    """Counts changes to files.

    Args:
        fatal: the number of the change before which the process is killed.
        log: the file descriptor of $STEPS.
    """

    def __init__(self, fatal: int, log: int) -> None:
        self.fatal, self.log, self.count = fatal, log, 0

    def step(self, change: str, path: str) -> None:
        if "lightning_logs" not in path and "mnist_mlp/MNIST" not in path:
            return
        self.count += 1
        os.write(self.log, f"{change} {path}\n".encode())
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Count what Python reports before it does it (docs.python.org/3/library/audit_events.html)."""
        if event == "os.rename":
            self.step(event, str(args[1]))
        elif event in CHANGES or (event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR)):
            self.step(event, str(args[0]))

    def counted(self, change: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count the calls of a function that Python does not report and whose first argument is an open file.

        `shutil` copies with sendfile. Before the first call, the target is empty.
        """

        def call(*args: Any) -> Any:
            self.step(change, os.readlink(f"/proc/self/fd/{args[0]}"))
            return function(*args)

        return call


def main() -> None:
    steps = Steps(int(sys.argv[1]), os.open(os.environ["STEPS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    os.fsync = steps.counted("fsync", os.fsync)
    os.sendfile = steps.counted("sendfile", os.sendfile)
    sys.addaudithook(steps.audit)
    sys.argv = ["train", *sys.argv[2:]]
    runpy.run_module("mnist_mlp.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
