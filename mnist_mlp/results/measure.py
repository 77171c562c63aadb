"""Measure rows of the results table: run the training command in processes of their own, and read the outcomes."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from pathlib import Path

from mnist_mlp.errors import InputError
from mnist_mlp.results.table import ROWS, Measured
from mnist_mlp.training.report import OUTCOME_FILE

PROJECT = Path(__file__).parents[2]


def measure_all(todo: Sequence[tuple[str, int]], runs: Path, jobs: int) -> Iterator[Measured]:
    """Measure rows, `jobs` at once, and yield each result when it is there.

    Args:
        todo: rows and seeds.
        runs: the folder for runs.
        jobs: the number of processes at once. Each one gets its share of the cores. The number of threads can change
            the order of sums, so that a run's last digits depend on it.

    Raises:
        InputError: a run failed. The others that had begun end first, and no more are started.
    """
    pool = ThreadPoolExecutor(jobs)
    try:
        begun = [pool.submit(measure, name, seed, runs, jobs) for name, seed in todo]
        failure = None
        for run in as_completed(begun):
            if run.cancelled():
                continue
            if (error := run.exception()) is None:
                yield run.result()
                continue
            failure = failure or error
            for other in begun:
                other.cancel()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(cancel_futures=True)


def measure(name: str, seed: int, runs: Path, jobs: int = 1) -> Measured:
    """Train a row's config with a seed and return the result. An interrupted run of an earlier call is resumed.

    Args:
        name: the row, a key of ROWS.
        seed: the run's seed.
        runs: the folder for runs; this one gets a subfolder.
        jobs: the number of runs at once; each has its share of the cores.

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
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // jobs))} if jobs > 1 else {}
    with subprocess.Popen(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            # To stderr: stdout is for the table.
            print(f"{name}, seed {seed}: {line}", end="", file=sys.stderr, flush=True)
    if process.returncode != 0:
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
        machine=machine() + (f", {jobs} runs at once" if jobs > 1 else ""),
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
    return f"{model}, {cores()} core{'' if cores() == 1 else 's'}"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit() -> str:
    """Return the project's commit, with a + if tracked files differ from it; "unknown" outside a git checkout."""

    def git(*args: str) -> str:
        try:
            done = subprocess.run(["git", "-C", str(PROJECT), *args], capture_output=True, text=True, check=False)
        except OSError:  # git is not installed
            return ""
        return done.stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "-uno") else "")
