"""The Trainer's options follow torchrun, SLURM and other launchers, which are imitated by their variables."""

from pathlib import Path
from typing import Any

import pytest
from jsonargparse import Namespace
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from mnist_mlp.errors import InputError
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.train import train
from mnist_mlp.training.launchers import launched_command, use_launched
from tests.command import ROOT, SMALL

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"}
TORCHRUN_2 = {**TORCHRUN, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "1"}
TORCHRUN_2_HOSTS = {**TORCHRUN, "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"}
TORCHRUN_UNEQUAL = {**TORCHRUN, "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "2"}
SBATCH = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "4", "SLURM_NNODES": "2"}
SBATCH = {**SBATCH, "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
SBATCH_2 = {**SBATCH, "SLURM_NTASKS_PER_NODE": "2"}
SRUN = {**SBATCH_2, "SLURM_STEP_NUM_TASKS": "4"}
LSF = {"LSB_JOBID": "7", "LSB_DJOB_RANKFILE": "hosts", "JSM_NAMESPACE_LOCAL_RANK": "0", "JSM_NAMESPACE_SIZE": "4"}


MPI = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}
BY_HAND = {"WORLD_SIZE": "2", "RANK": "0"}
REFUSED = [
    (
        TORCHRUN_2,
        "--trainer.devices=1",
        "torchrun says .* processes on each host is 2, but --trainer.devices is 1; give",
    ),
    (TORCHRUN_2, "--trainer.devices=3", "--trainer.devices is 3; give 2, or start 3"),
    (TORCHRUN_2, "--trainer.devices=[0]", r"--trainer.devices is \[0\]; give 2, or start 1"),
    (TORCHRUN_2, "--trainer.num_nodes=2", "torchrun says .* hosts is 1, but --trainer.num_nodes is 2; give 1"),
    (
        TORCHRUN_2,
        "--trainer.strategy=SingleDeviceStrategy --trainer.strategy.device=cpu",
        "torchrun started 2 processes, but --trainer.strategy is for",
    ),
    (TORCHRUN_2_HOSTS, "--trainer.num_nodes=1", "torchrun says .* hosts is 2, but --trainer.num_nodes is 1"),
    (TORCHRUN_UNEQUAL, "", "torchrun started 3 processes on 2 hosts; start the same number on each host"),
    ({**TORCHRUN_2, "WORLD_SIZE": "two"}, "", "WORLD_SIZE is 'two', which is not a number"),
    (SBATCH, "", "this SLURM job has 4 tasks, .* --ntasks-per-node"),
    (SBATCH_2, "--trainer.devices=2", r"SLURM \(without srun\) says .* is 1, but --trainer.devices is 2"),
    (SRUN, "--trainer.devices=4", "srun says .* is 2, but --trainer.devices is 4"),
    ({**SRUN, "SLURM_STEP_NUM_TASKS": "3"}, "", "srun started 3 processes on 2 hosts"),
    (LSF, "", "jsrun started 4 processes, but .* is 1; give both numbers"),
    (MPI, "", "mpirun started 2 processes, and Lightning needs the package mpi4py"),
    (BY_HAND, "", "the launcher that set WORLD_SIZE started 2 processes, but .* is 1"),
]


def options(devices: Any, plugins: Any = None) -> Any:
    """The Trainer's options that matter here."""
    return Namespace(devices=devices, num_nodes=1, plugins=plugins, strategy="auto")  # type: ignore[no-untyped-call]


def imitate(patch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        patch.setenv(name, value)


@pytest.mark.parametrize(("variables", "options", "message"), REFUSED)
def test_contradictions_are_refused(
    variables: dict[str, str], options: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one sentence, before the run has a folder."""
    imitate(monkeypatch, variables)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lightning.fabric.plugins.environments.mpi._MPI4PY_AVAILABLE", False)
    with pytest.raises(InputError, match=message) as error:
        train([*SMALL, *options.split()])
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("variables", "devices", "used"),
    [
        ({}, 1, (1, 1)),
        ({}, "auto", ("auto", 1)),
        ({**TORCHRUN, "WORLD_SIZE": "1"}, 1, (1, 1)),
        (TORCHRUN_2, 1, (2, 1)),
        (TORCHRUN_2, "auto", (2, 1)),
        (TORCHRUN_2, -1, (2, 1)),
        (TORCHRUN_2, [2, 3], ([2, 3], 1)),
        (TORCHRUN_2, "0,1", ("0,1", 1)),
        (TORCHRUN_2_HOSTS, 1, (2, 2)),
        (SBATCH_2, 1, (1, 1)),
        (SRUN, 1, (2, 2)),
        (LSF, 4, (4, 1)),
        (BY_HAND, 2, (2, 1)),
        (BY_HAND, "auto", ("auto", 1)),  # Lightning starts its own processes with WORLD_SIZE, too
    ],
)
def test_options_follow_the_launcher(
    variables: dict[str, str], devices: Any, used: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    imitate(monkeypatch, variables)
    config, saved = options(devices), options(devices)
    use_launched(config, saved, [])
    assert (config.devices, config.num_nodes) == (saved.devices, saved.num_nodes) == used


def test_a_cluster_environment_among_the_plugins_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    imitate(monkeypatch, TORCHRUN_2)
    config = options(1, LightningEnvironment())
    use_launched(config, config, [])
    assert config.devices == 1


@pytest.mark.parametrize(
    ("variables", "command"),
    [
        ({}, "python -m mnist_mlp.train"),
        (TORCHRUN_2, "python -m mnist_mlp.train"),  # which starts two processes, as config.yaml says
        (SRUN, "srun python -m mnist_mlp.train"),
        (
            {**TORCHRUN_2_HOSTS, "GROUP_RANK": "1", "MASTER_ADDR": "first", "MASTER_PORT": "29500"},
            "torchrun --nnodes 2 --node_rank 1 --nproc_per_node 2 --master_addr first --master_port 29500 "
            "-m mnist_mlp.train",
        ),
    ],
)
def test_the_command_that_resumes(variables: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    imitate(monkeypatch, variables)
    assert launched_command("python -m mnist_mlp.train") == command


@pytest.mark.parametrize("hidden_sizes", [[300], [2500, 1250]])
def test_bytes_and_operations_of_a_step(hidden_sizes: list[int]) -> None:
    """fast/README.md has the bytes of the gradient and the operations for an image, as computed from the layers."""
    layers = SigmoidMLP(hidden_sizes).linear_layers
    gradient = sum(parameter.nbytes for layer in layers for parameter in layer.parameters())
    products = [layer.weight.numel() for layer in layers]
    # z = W a and dC/dW of each layer, and the error of all layers but the first; each product is added up.
    operations = 2 * (2 * sum(products) + sum(products[1:]))
    net = "-".join(str(n) for n in (784, *hidden_sizes, 10))
    row = f"| {net} | {gradient:,} bytes | {operations:,} | {32 * operations / gradient:.0f} |"
    assert row in (ROOT / "mnist_mlp" / "fast" / "README.md").read_text()
