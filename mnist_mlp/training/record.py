"""What a run says of itself: command line, versions, commit, data and machine, in its folder and in TensorBoard."""

import json
import os
import platform
import shlex
import subprocess
from collections.abc import Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from mnist_mlp.files import write_atomically
from mnist_mlp.monitoring.writer import tensorboard_logger

RECORD_FILE = "record.json"
PACKAGES = ("mnist-mlp", "torch", "torchvision", "lightning", "torchmetrics", "numpy")


class RunRecord(Callback):
    """Writes record.json, a list with an entry for each start of the run, and TensorBoard's TEXT tab.

    Args:
        arguments: those of the command.
        settings: the settings, as YAML.
        folder: the folder of a resumed run; None takes the one of the Trainer's logger.
    """

    counts_blocks = True  # only looks, before training (fast/eligibility.py)

    def __init__(self, arguments: Sequence[str], settings: str, folder: Path | None = None) -> None:
        self.command = shlex.join(["python", "-m", "mnist_mlp.train", *arguments])
        self.settings = settings
        self.folder = folder

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write both."""
        log_dir = trainer.log_dir  # a collective operation: every process takes part
        folder = self.folder or (log_dir if trainer.loggers else None)
        if not trainer.is_global_zero or folder is None or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        entry = record(trainer, self.command)
        path = Path(folder) / RECORD_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        write_atomically(path, json.dumps([*entries, entry], indent=2, ensure_ascii=False).encode() + b"\n")
        logger = tensorboard_logger(trainer)
        if logger is not None:
            logger.experiment.add_text("run", _as_markdown(entry, self.settings), trainer.global_step)


def record(trainer: L.Trainer, command: str) -> dict[str, Any]:
    """Return the facts on which the numbers of a run depend, besides its settings."""
    return {
        "command": command,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "starts_at_update": trainer.global_step,
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "commit": commit(),
        "data": getattr(trainer.datamodule, "checksums", dict)(),  # type: ignore[attr-defined]
        "classes": list(getattr(trainer.datamodule, "class_names", ())),  # type: ignore[attr-defined]
        "machine": machine(trainer.strategy.root_device),
        "processes": trainer.world_size,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # a checkout that is not installed
        return None


def commit() -> str | None:
    """Return the commit of the checkout that the package runs from, "+" for changes in it; None if it is installed."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return described.stdout.strip()


def machine(device: torch.device) -> dict[str, Any]:
    """Return what is known of the machine. Kernels differ with its CPU, and so does rounding."""
    facts = {
        "system": platform.platform(),
        "cpu": _cpu(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(device),
    }
    return {**facts, "gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else facts


def _cpu() -> str:
    """Return the model of the CPU, or its architecture where the system does not tell."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line for line in file if line.startswith("model name"))
        return model.partition(":")[2].strip()
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _as_markdown(entry: dict[str, Any], settings: str) -> str:
    rows = []
    for name, value in entry.items():
        facts = value.items() if isinstance(value, dict) else [("", value)]
        rows += [f"| {' '.join(filter(None, (name.replace('_', ' '), key)))} | {fact} |" for key, fact in facts]
    return "\n".join(["| | |", "|---|---|", *rows, "", "```yaml", *settings.splitlines(), "```"])
