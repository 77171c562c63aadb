"""Several processes, started by torchrun or by Lightning, on one host and on two; and the loss of a process."""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from mnist_mlp.inference.evaluation import evaluation
from mnist_mlp.inference.load import load_net
from tests.command import FEW_IMAGES, ROOT, run_train, train_command
from tests.training.run_files import LAST, RUN, assert_same_bits

OPTIONS = [  # two epochs of 32 weight updates
    *[*FEW_IMAGES, "--model.hidden_sizes", "[8]", "--data.batch_size", "63", "--trainer.max_epochs", "2"],
    *["--trainer.accelerator", "cpu", "--pictures", "false"],
]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
LOST = "mnist_mlp: error: another process of this run has ended or no longer answers; resume the run with: python "


def start(folder: Path, command: list[str], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a process, and of those that it started; return what they printed."""
    try:
        return process.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        process.terminate()  # torchrun ends its processes
        raise AssertionError("\n".join(process.communicate())) from None


def run_two(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`torchrun --nproc_per_node 2 -m mnist_mlp.train OPTIONS`. The folder `logs` gets the output of each process."""
    command = [
        *TORCHRUN,
        "--nproc_per_node",
        "2",
        "--log_dir",
        "logs",
        "--redirects",
        "3",
        *train_command(*options)[1:],
    ]
    process = start(folder, command)
    out, err = finish(process)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def printed(folder: Path, rank: int, stream: str) -> str:
    """What a process of `run_two` printed."""
    (path,) = folder.glob(f"logs/*/attempt_0/{rank}/{stream}.log")
    return path.read_text()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that torchrun started, without options on processes."""
    folder = tmp_path_factory.mktemp("whole")
    result = run_two(folder, *OPTIONS)
    assert result.returncode == 0, result.stderr
    return folder


def test_torchrun_alone_starts_one_run(whole: Path) -> None:
    """Its two processes share the mini-batches of one run. Otherwise each would train a net of its own."""
    assert [path.name for path in (whole / "lightning_logs").iterdir()] == ["version_0"]
    assert "several processes share the weights" in printed(whole, 0, "stdout")
    assert printed(whole, 1, "stdout") == ""
    assert yaml.safe_load((whole / RUN / "config.yaml").read_text())["trainer"]["devices"] == 2


def test_a_killed_process_of_torchrun(whole: Path, tmp_path: Path) -> None:
    """The other process prints one sentence, whose command resumes the run to the bit."""
    killed = "tests.training.killed_rank.KillsRank"
    result = run_two(tmp_path, *OPTIONS, f"--trainer.callbacks+={killed}", "--trainer.callbacks.rank=1")
    assert result.returncode == 1
    (line,) = printed(tmp_path, 0, "stderr").splitlines()
    assert line.startswith(LOST)
    options = shlex.split(line.removeprefix(LOST))
    assert options == ["-m", "mnist_mlp.train", "--ckpt_path", str(LAST)]
    resumed = run_train(tmp_path, *options[2:], PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    assert resumed.returncode == 0, resumed.stderr
    assert_same_bits(tmp_path / LAST, whole / LAST)


def test_the_killed_first_process_of_lightning(tmp_path: Path) -> None:
    """The other process, which the first one started, ends with the sentence."""
    killed = ["--trainer.callbacks+=tests.training.killed_rank.KillsRank", "--trainer.callbacks.rank=0"]
    process = start(tmp_path, train_command(*OPTIONS, "--trainer.devices", "2", *killed))
    _, err = finish(process)
    assert process.returncode == -9
    (line,) = err.splitlines()
    assert line.startswith(LOST)


class Host(NamedTuple):
    """One of two hosts.

    folder: its working folder.
    prefix: the command that runs another one there.
    environment: variables of the processes there.
    """

    folder: Path
    prefix: list[str]
    environment: dict[str, str]


class Network(NamedTuple):
    """Two connected hosts, and the address and the port of the first one."""

    hosts: list[Host]
    address: str
    port: int


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def connect(names: list[str]) -> None:
    """Make two network namespaces and connect them by a virtual cable."""
    for name in names:
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    ip("link", "add", "cable", "netns", names[0], "type", "veth", "peer", "name", "cable", "netns", names[1])
    for number, name in enumerate(names, start=1):
        ip("-n", name, "address", "add", f"10.0.0.{number}/24", "dev", "cable")
        ip("-n", name, "link", "set", "cable", "up")
        ip("netns", "exec", name, "true")


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Two hosts, each with its own network namespace where the system allows it, and with a working folder."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    names = [f"mnist-mlp-{os.getpid()}-{number}" for number in (1, 2)]
    try:
        connect(names)
        environment = {"GLOO_SOCKET_IFNAME": "cable"}
        hosts = [Host(f, ["ip", "netns", "exec", n], environment) for f, n in zip(folders, names, strict=True)]
        yield Network(hosts, "10.0.0.1", 29500)
    except (OSError, subprocess.CalledProcessError):  # no program `ip`, or no rights
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        yield Network([Host(folder, [], {}) for folder in folders], "127.0.0.1", port)
    finally:
        if shutil.which("ip"):
            for name in names:
                subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def test_two_hosts_without_a_shared_folder(network: Network) -> None:
    """Both hosts test the weights of best.ckpt, which only the first one has. It is older than the last epoch."""
    options = [*OPTIONS, "--trainer.max_epochs", "3", "--trainer.check_val_every_n_epoch", "2"]
    started = []
    for number, host in enumerate(network.hosts):
        nodes = ["--nnodes", "2", "--node_rank", str(number), "--nproc_per_node", "1"]
        address = ["--master_addr", network.address, "--master_port", str(network.port)]
        command = [*host.prefix, *TORCHRUN, *nodes, *address, *train_command(*options)[1:]]
        started.append(start(host.folder, command, **host.environment))
    try:
        for process in reversed(started):  # torchrun's first agent waits for the others, even if they fail
            _, err = finish(process)
            assert process.returncode == 0, err
    finally:
        for process in started:
            process.terminate()
    first, second = (host.folder for host in network.hosts)
    assert not list(second.iterdir())
    outcome = json.loads((first / RUN / "outcome.json").read_text())
    assert outcome["tested_epoch"] == 2
    checkpoints = first / RUN / "checkpoints"
    best, last = (evaluation(load_net(checkpoints / name), "test") for name in ("best.ckpt", "last.ckpt"))
    assert outcome["test_cost"] == pytest.approx(best.average_cost, rel=1e-4)
    assert outcome["test_cost"] != pytest.approx(last.average_cost, rel=1e-2)
