"""Requeued SLURM jobs: a job stops between two weight updates, and resumes there after its restart.

Lightning saves and requeues inside the signal handler, in the middle of whatever the training does then. Flushing
TensorBoard there can wait for a lock that the interrupted code holds, and the weights may be those of an incomplete
block (fast/updates.py). Here the handler only sets a flag.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities.exceptions import SIGTERMException

from mnist_mlp.files import write_atomically
from mnist_mlp.training.checkpoints import last_path


class Requeued(SIGTERMException):
    """Ends the training of a job that SLURM will restart."""


def slurm_environment(plugins: Any) -> SLURMEnvironment | None:
    """Return the environment of a SLURM job with automatic requeueing; None outside of one.

    Args:
        plugins: the Trainer's option.
    """
    if sys.platform == "win32" or job_id() is None:
        return None
    given = [p for p in (plugins if isinstance(plugins, list) else [plugins]) if isinstance(p, SLURMEnvironment)]
    if not given and (TorchElasticEnvironment.detect() or not SLURMEnvironment.detect()):
        return None
    environment = given[0] if given else SLURMEnvironment()
    return environment if environment.auto_requeue else None


def job_id() -> str | None:
    """Return the number of this SLURM job, as `scontrol` takes it."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def requeued_checkpoint(root: Path, ckpt_path: str | None, command: Sequence[str]) -> str | None:
    """Return the last.ckpt of the run that this job trained before its restart, otherwise `ckpt_path`.

    Args:
        root: the Trainer's `default_root_dir`.
        ckpt_path: the option of this command.
        command: the options of this command. A job may train several runs, with one command each.
    """
    folders = [*root.glob("lightning_logs/*/checkpoints"), *([] if ckpt_path is None else [Path(ckpt_path).parent])]
    for folder in folders:
        note, last = folder / _note_name(), folder / "last.ckpt"
        if note.is_file() and last.is_file() and json.loads(note.read_text()) == list(command):
            return str(last)
    return ckpt_path


def forget_job(trainer: L.Trainer) -> None:
    """Delete the note of a run that is complete: the same command in the same job starts a new run from now on."""
    last = last_path(trainer)
    if job_id() is not None and last is not None and trainer.is_global_zero:
        last.with_name(_note_name()).unlink(missing_ok=True)


def _note_name() -> str:
    """The file beside last.ckpt that holds the options of the command that trains this run."""
    return f"slurm_job_{job_id()}.json"


class Requeue(Callback):
    """On SLURM's signal, saves last.ckpt after the current step, has the job requeued and ends the training.

    Args:
        environment: the environment of the job.
        command: the options of this command.
    """

    counts_blocks = True  # saves after whole blocks (fast/eligibility.py)

    def __init__(self, environment: SLURMEnvironment, command: Sequence[str]) -> None:
        self._signal = environment.requeue_signal
        self._command = list(command)
        self._asked = False
        self._handler_before: Any = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Install the handler. Lightning installs its own after this hook, unless there is one."""
        if self._signal is not None and threading.current_thread() is threading.main_thread():
            self._handler_before = signal.signal(self._signal, self._ask)

    def _ask(self, signum: int, frame: Any) -> None:
        self._asked = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the note by which the restarted job finds this run."""
        last = last_path(trainer)
        if last is not None and trainer.is_global_zero:
            last.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(last.with_name(_note_name()), json.dumps(self._command).encode())

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop if the signal came at the end of the previous epoch. Its last.ckpt is written."""
        if self._is_asked(trainer):
            self._stop(trainer)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, *args: Any) -> None:
        """Save and stop if the signal came, except in the last step of an epoch, which saves last.ckpt anyway."""
        if trainer.is_last_batch or not self._is_asked(trainer):
            return
        if not trainer.strategy.reduce(outputs["loss"].detach(), reduce_op="sum").isfinite():
            return  # last.ckpt keeps the last good epoch (training/watchdogs.py)
        if (last := last_path(trainer)) is not None:
            trainer.save_checkpoint(last)
        self._stop(trainer)

    def _is_asked(self, trainer: L.Trainer) -> bool:
        """Whether the signal has reached any of the processes, so that all of them stop after the same step."""
        return trainer.strategy.reduce_boolean_decision(self._asked, all=False)

    def _stop(self, trainer: L.Trainer) -> None:
        if trainer.is_global_zero:
            last, failure = last_path(trainer), _requeue()
            if failure is not None:
                print(f"\nSLURM did not requeue job {job_id()}: {failure}.")
            then = "starts again, without a checkpoint" if last is None else f"resumes from {last}"
            print(f"\nThe job stops after {trainer.global_step:,} weight updates; its next start {then}.", flush=True)
        raise Requeued

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Restore the handler of before."""
        if self._handler_before is not None and self._signal is not None:
            signal.signal(self._signal, self._handler_before)
            self._handler_before = None


def _requeue() -> str | None:
    """Have SLURM put this job back into its queue; return the reason if it does not."""
    try:
        done = subprocess.run(
            ["scontrol", "requeue", str(job_id())], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return f"scontrol cannot be run ({error.strerror})"
    return None if done.returncode == 0 else " ".join(done.stderr.split()) or f"scontrol returned {done.returncode}"
