"""A run that is killed (SIGKILL) at any moment is resumed, and ends with the same bits.

`pytest -m slow tests/training/test_kill.py -n 0 -s` kills at 50 moments and prints what happened.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.command import FEW_IMAGES, ROOT
from tests.training.run_files import assert_same_bits

OPTIONS = [
    *[*FEW_IMAGES, "--model.hidden_sizes", "[16]", "--data.batch_size", "16", "--trainer.max_epochs", "3"],
    *["--trainer.accelerator", "cpu", "--trainer.limit_val_batches", "2", "--pictures", "false"],
]
MOMENTS = 50


def other_file_system(folder: Path) -> Path:
    """A folder for temporary files on another file system than `folder`, if the machine has one."""
    shared_memory = Path("/dev/shm")
    if shared_memory.is_dir() and shared_memory.stat().st_dev != folder.stat().st_dev:
        return shared_memory
    return folder


class Run:
    """A folder with its own cache and its own folder for temporary files, to train in."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.cache = folder / "cache"
        self.temporary = Path(tempfile.mkdtemp(dir=temporary))
        self.started = 0

    def start(self, *options: str, fatal: int = 0, kill_after: float | None = None) -> int:
        """Train until the end, until the step `fatal`, or for `kill_after` seconds; return the exit code."""
        self.started += 1
        paths = {"XDG_CACHE_HOME": self.cache, "TMPDIR": self.temporary, "STEPS": self.folder / "steps"}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(path) for name, path in paths.items()}}
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.training.killed", str(fatal), *options],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
            )
            try:
                return process.wait(timeout=300 if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()

    def resume(self) -> None:
        """Go on as a user would: resume the run, or start again if it has no checkpoint yet."""
        last = self.newest() / "checkpoints" / "last.ckpt"
        options = ["--ckpt_path", str(last)] if last.is_file() else OPTIONS
        assert self.start(*options) == 0, (self.folder / "output").read_text()

    def newest(self) -> Path:
        """The folder of the newest run; one that does not exist if there is none."""
        runs = sorted((self.folder / "lightning_logs").glob("version_*"))
        return runs[-1] if runs else self.folder / "lightning_logs" / "none"

    def outcome(self) -> dict[str, float]:
        """What the run ended with."""
        read: dict[str, float] = json.loads((self.newest() / "outcome.json").read_text())
        del read["seconds"]
        return read

    def delete(self) -> None:
        for folder in (self.folder, self.temporary):
            shutil.rmtree(folder)


class Whole(Run):
    """The run without a kill, which all others are compared with."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        super().__init__(folder, temporary)
        began = time.monotonic()
        assert self.start(*OPTIONS) == 0, (folder / "output").read_text()
        self.seconds = time.monotonic() - began
        self.steps = (folder / "steps").read_text().splitlines()

    def step(self, pattern: str, nth: int) -> int:
        """The number of the `nth` step that matches."""
        return [number for number, step in enumerate(self.steps, 1) if re.match(pattern, step)][nth - 1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    return Whole(folder / "run", other_file_system(folder))


def check_resumed(run: Run, whole: Whole) -> None:
    """Resume a killed run: it ends like the whole one, and nothing is left over."""
    run.resume()
    for name in ("last.ckpt", "best.ckpt"):
        assert_same_bits(whole.newest() / "checkpoints" / name, run.newest() / "checkpoints" / name)
    assert run.outcome() == whole.outcome()
    for left_over in ("cache/**/*.part", f"{run.newest().relative_to(run.folder)}/**/*.part"):
        assert list(run.folder.glob(left_over)) == []


@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("open .*train-images.*", 2),  # while MNIST is unpacked
        ("(fsync|sendfile) .*/last.ckpt", 3),  # within the checkpoint of a later epoch
        ("os.rename .*/best.ckpt", 2),  # between the two checkpoints of the second epoch
        ("(fsync|open) .*/outcome.json", 1),  # after the test
    ],
)
def test_killed_and_resumed_ends_with_the_same_bits(step: str, nth: int, whole: Whole, tmp_path: Path) -> None:
    run = Run(tmp_path / "run", other_file_system(tmp_path))
    assert run.start(*OPTIONS, fatal=whole.step(step, nth)) == -9
    check_resumed(run, whole)


@pytest.mark.slow
def test_killed_at_fifty_moments(whole: Whole, tmp_path: Path) -> None:
    """Half of the moments are steps drawn at random, half are times. Half have TMPDIR on another file system."""
    draw = random.Random(0)
    reached: Counter[str] = Counter()
    moment = 0
    while reached.total() < MOMENTS:
        temporary = other_file_system(tmp_path) if moment % 4 < 2 else tmp_path
        run = Run(tmp_path / f"run{moment}", temporary)
        if moment % 2:
            code = run.start(*OPTIONS, fatal=draw.randint(1, len(whole.steps)))
        else:
            code = run.start(*OPTIONS, kill_after=draw.uniform(0, whole.seconds))
        assert code == -9 or (code == 0 and moment % 2 == 0)
        if code == -9:  # not ended before the kill
            reached[phase(run)] += 1
            check_resumed(run, whole)
        run.delete()
        moment += 1
    print(f"killed at {MOMENTS} moments, resumed to the same bits: {dict(reached)}")


def phase(run: Run) -> str:
    """What a run was doing when it was killed."""
    steps = run.folder / "steps"
    last = steps.read_text().splitlines()[-1] if steps.is_file() and steps.read_text() else ""
    if "MNIST" in last or not last:
        return "start and unpacking"
    if re.search(r"checkpoints/\w+\.ckpt", last) and not re.match(r"fsync .*checkpoints$", last):
        return "checkpoint"
    if "epoch   3/3" in (run.folder / "output").read_text():
        return "test and outcome"
    return "training"
