"""Atomic writes, and what killed processes leave behind."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_mlp.files import in_use, remove_left_overs, replacing, write_atomically
from tests.command import SMALL, run_train, train_command
from tests.training.run_files import LAST, RUN

LOGGER = ["--trainer.logger=CSVLogger", "--trainer.logger.save_dir=."]  # whose files are small


def test_write(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    write_atomically(tmp_path / "file", b"old")

    def interrupted() -> None:
        with replacing(tmp_path / "file") as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_left_overs_stay_while_a_process_writes(tmp_path: Path) -> None:
    """Also with a second open file of this process: the lock belongs to the open file."""
    (tmp_path / "a.part").touch()
    (tmp_path / "tmpfolder").mkdir()
    (tmp_path / "tmpfolder" / "file").touch()
    (tmp_path / "a").touch()
    with in_use(tmp_path):
        remove_left_overs(tmp_path, "*.part")
        assert (tmp_path / "a.part").exists()
    remove_left_overs(tmp_path, "*.part")
    remove_left_overs(tmp_path, "tmp*")
    remove_left_overs(tmp_path / "missing", "*")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_writer_that_was_killed_does_not_keep_its_left_overs(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from mnist_mlp.files import replacing\n"
        "with replacing(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "file")], check=False)
    assert len(list(tmp_path.glob("file*.part"))) == 1
    remove_left_overs(tmp_path, "*.part")
    assert list(tmp_path.iterdir()) == []


def test_the_next_start_removes_left_overs(tmp_path: Path) -> None:
    """In the cache, and in the run that it resumes."""
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert run_train(tmp_path, *SMALL, "--trainer.max_epochs", "1", **cache).returncode == 0
    data = tmp_path / "cache" / "mnist_mlp"
    left = [data / "MNIST/raw/train-images-idx3-ubyteabc.part", tmp_path / RUN / "config.yamlabc.part"]
    left += [tmp_path / RUN / "checkpoints/last.ckptabc.part", data / "tmpabc/FashionMNIST/raw/file"]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert run_train(tmp_path, "--ckpt_path", str(LAST), **cache).returncode == 0
    assert [path for path in left if path.exists()] == []
    assert not (data / "tmpabc").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_write_that_does_not_fit_keeps_the_old_file(tmp_path: Path) -> None:
    """As on a full disk: the system allows no file above 40 KiB, and a checkpoint has 61 KB."""
    assert run_train(tmp_path, *SMALL, *LOGGER, "--trainer.max_epochs", "1").returncode == 0
    before = {path: path.read_bytes() for path in (tmp_path / RUN / "checkpoints").iterdir()}
    assert len(before[tmp_path / LAST]) > 40 * 1024
    command = train_command("--ckpt_path", str(LAST), "--trainer.max_epochs", "2")
    failed = subprocess.run(
        ["bash", "-c", 'ulimit -f 40 && exec "$@"', "bash", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("mnist_mlp: error: cannot write the run's files (")
    assert failed.stderr.count("\n") == 1
    assert {path: path.read_bytes() for path in (tmp_path / RUN / "checkpoints").iterdir()} == before


def test_a_full_disk_has_no_half_files(tmp_path: Path) -> None:
    """A file system in memory, of 40 KiB, has room for the settings and not for a checkpoint."""
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=40k none {disk} && "$@"; code=$?; ls -R {disk}; exit $code'
    within = ["unshare", "-rm", "bash", "-c", script]
    if shutil.which("unshare") is None or subprocess.run([*within, "bash", "true"], check=False).returncode:
        pytest.skip("this system lets no user mount a file system of their own")
    options = [*SMALL, "--trainer.logger=CSVLogger", f"--trainer.logger.save_dir={disk}"]
    failed = subprocess.run(
        [*within, "bash", *train_command(*options)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert failed.returncode == 2
    assert failed.stderr.startswith("mnist_mlp: error: cannot write the run's files (")
    assert "config.yaml" in failed.stdout
    assert "ckpt" not in failed.stdout
