"""TODO results.measure."""

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

PROJECT = Path(__file__).parent.parent


def measure(name: str, seed: int, runs: Path) -> Measured:
    """Run a row with a seed, or go on with its run if an earlier call was stopped in it.

    Raises:
        InputError: the run failed.
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
    done = subprocess.run(command, stdout=2, check=False)  # stdout is for the table
    if done.returncode != 0:
        raise InputError(f"the run of {name} with seed {seed} failed (see above); the rows before it are kept.")
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
    """How long processes have trained in this run before.

    Each wrote a file of events, with the time of its start in the name, and last a while before its end; of the latest
    process what counts is the time of the checkpoint that is gone on from, `until`.
    """
    files = {float(file.name.split(".")[3]): file.stat().st_mtime for file in run.glob("events.out.tfevents.*")}
    ends = [files[start] for start in sorted(files)[:-1]] + [until]
    return sum(max(0.0, end - start) for start, end in zip(sorted(files), ends, strict=False))


def _best_on_test(run: Path) -> float:
    """The lowest test error of all epochs, percent; their checkpoints are done with then."""
    from mnist_mlp.data.dataset import load
    from mnist_mlp.inference.load import load_net

    _, test = load()
    errors = []
    for path in (run / "checkpoints").glob("epoch=*.ckpt"):
        guesses = load_net(path).activations(test.images).argmax(1)
        errors.append(100 * float((guesses != test.labels).double().mean()))
        path.unlink()
    return round(min(errors), 2)


def _config(name: str) -> Path:
    path = PROJECT / "configs" / f"{name}.yaml"
    if not path.is_file():
        raise InputError(f"there is no {path}; the rows are run from a checkout of the project, with its configs.")
    return path


def machine() -> str:
    """The processor, a comma, and how many of its cores this process may use."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = named[0] if named else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{model}, {cores} core{'' if cores == 1 else 's'}"


def commit() -> str:
    """The project's commit, with a + if files differ from it."""

    def git(*args: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(PROJECT), *args], capture_output=True, text=True, check=False)
        except OSError:  # there is no git
            return ""
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "-uno") else "")
