"""A SLURM job that is requeued resumes to the bit. SLURM is imitated by its environment variables and a `scontrol`."""

import os
from pathlib import Path

import pytest

from tests.command import ROOT, run_train
from tests.training.run_files import RUN, assert_same_bits, scalars

# Three blocks per epoch, of 128, 128 and 57 weight updates.
OPTIONS = [
    *["--data.val_size", "40000", "--data.batch_size", "64", "--model.hidden_sizes", "[16]", "--pictures", "false"],
    *["--trainer.max_epochs", "3", "--trainer.accelerator", "cpu", "--trainer.limit_val_batches", "2"],
]
SLURM = {
    **{"SLURM_JOB_ID": "1234", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_NTASKS_PER_NODE": "1"},
    **{"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NNODES": "1"},
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    assert run_train(folder, *OPTIONS).returncode == 0
    return folder / RUN


def environment(folder: Path, scontrol: str) -> dict[str, str]:
    """A job of SLURM whose `scontrol` is a shell script."""
    (folder / "bin").mkdir()
    (folder / "bin" / "scontrol").write_text(f"#!/bin/sh\n{scontrol}\n")
    (folder / "bin" / "scontrol").chmod(0o755)
    return {**SLURM, "PYTHONPATH": str(ROOT), "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def signalled(step: int) -> list[str]:
    callback = "tests.training.signalling.InTraining"
    return [f"--trainer.callbacks+={callback}", "--trainer.callbacks.name=SIGUSR1", f"--trainer.callbacks.step={step}"]


@pytest.mark.parametrize(("step", "updates"), [(1, 313 + 256), (2, 2 * 313)], ids=["in an epoch", "at its end"])
def test_a_requeued_job_resumes_to_the_bit(tmp_path: Path, whole: Path, step: int, updates: int) -> None:
    """The same command goes on after the last block that was complete."""
    job = environment(tmp_path, 'echo "$@" >> requests')
    stopped = run_train(tmp_path, *OPTIONS, *signalled(step), **job)
    assert stopped.returncode == 143
    assert f"The job stops after {updates} weight updates; its next start resumes from " in stopped.stdout
    assert stopped.stderr == ""
    assert (tmp_path / "requests").read_text() == "requeue 1234\n"
    resumed = run_train(tmp_path, *OPTIONS, *signalled(step), **job, SIGNALS="off")
    assert resumed.returncode == 0, resumed.stderr
    assert [path.name for path in (tmp_path / "lightning_logs").iterdir()] == ["version_0"]
    for name in ("last.ckpt", "best.ckpt"):
        assert_same_bits(whole / "checkpoints" / name, tmp_path / RUN / "checkpoints" / name)
    curves, expected = scalars(tmp_path / RUN / "train"), scalars(whole / "train")
    update_costs = "2 by weight update/cost of a mini-batch"
    assert curves[update_costs] == expected[update_costs]
    # An epoch in two parts adds its costs, in float32, in another order.
    costs, expected_costs = (dict(c["1 by epoch/1 average cost"]) for c in (curves, expected))
    assert costs == pytest.approx(expected_costs, rel=1e-6)
    again = run_train(tmp_path, *OPTIONS, "--trainer.max_epochs", "1", **job)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "lightning_logs" / "version_1").is_dir()  # a complete run is not resumed


def test_a_job_that_slurm_does_not_requeue(tmp_path: Path) -> None:
    job = environment(tmp_path, 'echo "Access denied" >&2; exit 1')
    stopped = run_train(tmp_path, *OPTIONS, *signalled(1), **job)
    assert stopped.returncode == 143
    assert "SLURM did not requeue job 1234: Access denied." in stopped.stdout
