"""Only one process at a time trains a run."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning as L

from tests.command import ROOT, SMALL, run_train
from tests.training.run_files import LAST, RUN

ALONE = [*SMALL, "--pictures", "false"]
HOLD = """
import sys
from pathlib import Path
from mnist_mlp.training.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class ResumeAtOnce(L.Callback):
    """Has a second process resume the run while this one trains it."""

    counts_blocks = True

    def on_train_epoch_start(self, trainer: L.Trainer, *args: Any) -> None:
        if trainer.current_epoch == 1:
            second = run_train(Path.cwd(), "--ckpt_path", str(LAST))
            Path("second").write_text(f"{second.returncode} {second.stdout}{second.stderr}")


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = run_train(tmp_path, *ALONE, f"--trainer.callbacks+={__name__}.ResumeAtOnce", PYTHONPATH=str(ROOT))
    assert first.returncode == 0, first.stderr
    code, _, message = (tmp_path / "second").read_text().partition(" ")
    assert code == "2"
    assert message.startswith("mnist_mlp: error: another process is training the run ")
    assert message.count("\n") == 1
    assert [path.name for path in (tmp_path / RUN).glob("config*")] == ["config.yaml"]


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    assert run_train(tmp_path, *ALONE, "--trainer.max_epochs", "1").returncode == 0
    command = [sys.executable, "-c", HOLD, str(tmp_path / RUN)]
    resume = ["--ckpt_path", str(LAST), "--trainer.max_epochs", "2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = run_train(tmp_path, *resume)
        holder.kill()
    assert refused.returncode == 2
    resumed = run_train(tmp_path, *resume)
    assert resumed.returncode == 0, resumed.stderr
