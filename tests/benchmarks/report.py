"""The printed report: Markdown tables, and the machine and versions of the measurement."""

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import distributions
from pathlib import Path

PACKAGES = ("torch", "lightning", "numpy", "jax", "keras", "tensorflow-cpu", "tensorflow", "scikit-learn")


def say(text: str) -> None:
    """Print progress to stderr; stdout is for the results."""
    print(text, file=sys.stderr, flush=True)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table. The first column is text, the others are numbers."""
    rows = [head, ["---", *["---:"] * (len(head) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def seconds(value: float | None) -> str:
    """Format seconds with three digits; None as a dash."""
    if value is None:
        return "-"
    return f"{value:#.3g}".rstrip(".") if value < 100 else f"{value:.0f}"


def ratio(value: float | None, base: float | None) -> str:
    return "-" if value is None or base is None else f"{value / base:.2f}"


def surroundings(arguments: Sequence[str]) -> str:
    """Return machine, versions, date and command in one line."""
    installed = {distribution.name.replace("_", "-"): distribution.version for distribution in distributions()}
    versions = [f"{name} {installed[name]}" for name in PACKAGES if name in installed]
    command = shlex.join(["python", "-m", "tests.benchmarks", *arguments])
    return (
        f"{_processor()}, {_cores()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, {', '.join(versions)}; "
        f"{date.today().isoformat()}; `{command}`"
    )


def _cores() -> int:
    """Return how many cores this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """Return the processor's model name."""
    if sys.platform == "linux":
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found:
            return found[1].strip()
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return platform.processor() or platform.machine()
