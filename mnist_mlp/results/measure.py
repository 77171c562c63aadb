"""Measure a row of the results table: run the training command in a process of its own, and read its outcome."""

import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from mnist_mlp.errors import InputError
from mnist_mlp.results.table import ROWS, Measured
from mnist_mlp.training.report import OUTCOME_FILE

PROJECT = Path(__file__).parents[2]


def measure(name: str, seed: int, runs: Path) -> Measured:
    """Train a row's config with a seed and return the result. An interrupted run of an earlier call is resumed.

    Args:
        name: the row, a key of ROWS.
        seed: the run's seed.
        runs: the folder for runs; this one gets a subfolder.

    Raises:
        InputError: there is no such config, or the run failed.
    """
    folder = runs / f"{name}-seed{seed}"
    run = folder / "lightning_logs" / "version_0"
    last = run / "checkpoints" / "last.ckpt"
    command = [sys.executable, "-m", "mnist_mlp.train"]
    before = 0.0
    if last.is_file():
        command += ["--ckpt_path", str(last)]
        before = seconds_trained(run, until=last.stat().st_mtime)
    else:
        command += [f"--config={_config(name)}", f"--seed_everything={seed}", f"--trainer.default_root_dir={folder}"]
        if ROWS[name].at_best_on_test:
            command += ["--trainer.callbacks+=mnist_mlp.training.checkpoints.EveryEpoch"]
    began, trained_at = time.perf_counter(), commit()
    done = subprocess.run(command, stdout=2, check=False)  # to stderr: stdout is for the table
    if done.returncode != 0:
        raise InputError(f"the run of {name} with seed {seed} failed (see above); the runs before it are kept.")
    outcome = json.loads((run / OUTCOME_FILE).read_text())
    return Measured(
        row=name,
        seed=seed,
        error=round(100 * (1 - outcome["test_accuracy"]), 2),
        best_on_test=_best_on_test(run) if ROWS[name].at_best_on_test else None,
        tested_epoch=outcome["tested_epoch"],
        epochs=outcome["epochs"],
        updates=outcome["updates"],
        seconds=round(before + time.perf_counter() - began, 1),
        machine=machine(),
        commit=trained_at,
        day=date.today().isoformat(),
    )


def seconds_trained(run: Path, until: float) -> float:
    """Return how many seconds the earlier processes of an interrupted run have trained.

    Each process wrote an event file. Its name holds the start time, and its modification time is about the end.

    Args:
        run: the run's folder.
        until: the time of the checkpoint to resume. It ends the latest process: what that did later is lost.
    """
    files = {float(file.name.split(".")[3]): file.stat().st_mtime for file in run.glob("events.out.tfevents.*")}
    ends = [files[start] for start in sorted(files)[:-1]] + [until]
    return sum(max(0.0, end - start) for start, end in zip(sorted(files), ends, strict=False))


def _best_on_test(run: Path) -> float:
    """Return the lowest test error of all epochs, percent, and delete the checkpoints of the epochs."""
    from mnist_mlp.data.dataset import load
    from mnist_mlp.inference.load import load_net

    _, test = load()
    errors = []
    for path in (run / "checkpoints").glob("epoch=*.ckpt"):
        predicted = load_net(path).activations(test.images).argmax(1)
        errors.append(100 * float((predicted != test.labels).double().mean()))
        path.unlink()
    return round(min(errors), 2)


def _config(name: str) -> Path:
    """The config of a row."""
    path = PROJECT / "configs" / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"there is no {path}; results are measured in a checkout of the project, with its configs.")
    return path


def machine() -> str:
    """Return the processor's name and the number of cores that this process may use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"


def commit() -> str:
    """Return the project's commit, with a + if tracked files differ from it; "unknown" outside a git checkout."""

    def git(*args: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(PROJECT), *args], capture_output=True, text=True, check=False)
        except OSError:  # git is not installed
            return ""
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "-uno") else "")
