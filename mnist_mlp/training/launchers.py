"""The processes that torchrun, srun, mpirun or jsrun started: the Trainer's options follow them."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lsf import LSFEnvironment
from lightning.fabric.plugins.environments.mpi import MPIEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.strategies import SingleDeviceStrategy

from mnist_mlp.checks import shown
from mnist_mlp.errors import InputError


class Launched(NamedTuple):
    """The processes that a launcher started.

    launcher: the program, such as "torchrun".
    total: all processes.
    per_host: the processes on each host; None if the launcher does not say.
    hosts: the number of hosts; None if the launcher does not say.
    """

    launcher: str
    total: int
    per_host: int | None = None
    hosts: int | None = None


def use_launched(config: Any, saved: Any, command: Sequence[str]) -> None:
    """Set --trainer.devices and --trainer.num_nodes to what a launcher started, unless the options give them.

    Without it, each process of torchrun would train a net of its own.

    Args:
        config: the Trainer's options.
        saved: the same options for the run's config.yaml, which repeats the run.
        command: the options of this command. In `config`, a 1 that was given looks like the default.

    Raises:
        InputError: the options and the launcher contradict each other, or Lightning cannot connect the processes.
    """
    plugins = config.plugins if isinstance(config.plugins, list) else [config.plugins]
    if any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
        return  # the plugin says which processes there are
    started = launched()
    if started is None:
        return
    if started.total > 1 and isinstance(config.strategy, SingleDeviceStrategy):
        raise InputError(
            f"{started.launcher} started {started.total} processes, but --trainer.strategy is for one; leave it out."
        )
    if started.per_host is None or started.hosts is None:
        per_host = _count(config.devices)
        if per_host is not None and per_host * config.num_nodes != started.total:
            raise InputError(
                f"{started.launcher} started {started.total} processes, but --trainer.devices (on each host) times "
                f"--trainer.num_nodes (hosts) is {per_host * config.num_nodes}; give both numbers."
            )
        return
    for option, number, what in (
        ("devices", started.per_host, "of processes on each host"),
        ("num_nodes", started.hosts, "of hosts"),
    ):
        asked = _count(config[option])
        is_default = asked == 1 and not any(arg.partition("=")[0] == f"--trainer.{option}" for arg in command)
        if asked is None or is_default:
            config[option] = saved[option] = number
        elif asked != number:
            raise InputError(
                f"{started.launcher} says that the number {what} is {number}, but --trainer.{option} is "
                f"{shown(config[option])}; give {number}, or start {asked}."
            )


def launched() -> Launched | None:
    """Return the processes that a launcher started; None if none did.

    The launchers are looked for in Lightning's order.

    Raises:
        InputError: Lightning cannot connect the processes.
    """
    if TorchElasticEnvironment.detect():
        per_host, hosts = _number("LOCAL_WORLD_SIZE"), _number("GROUP_WORLD_SIZE")
        return _on_hosts("torchrun", _number("WORLD_SIZE"), per_host, hosts)
    if SLURMEnvironment.detect():
        return _launched_by_slurm()
    if LSFEnvironment.detect():
        return Launched("jsrun", _number("JSM_NAMESPACE_SIZE"))
    if (mpi := max(_number("OMPI_COMM_WORLD_SIZE"), _number("PMI_SIZE"))) > 1:
        if not MPIEnvironment.detect():
            raise InputError(
                f"mpirun started {mpi} processes, and Lightning needs the package mpi4py to connect them; install it, "
                "or start the command with torchrun."
            )
        return Launched("mpirun", mpi)
    # Set by hand, by a cluster, or by Lightning for the processes that it starts itself.
    total = _number("WORLD_SIZE")
    return Launched("the launcher that set WORLD_SIZE", total) if total > 1 else None


def launched_command(command: str) -> str:
    """Return `command` as a launcher has to start it on this host for the same processes.

    Args:
        command: the command for a single host. It starts the processes that the run's config.yaml asks for.
    """
    started = launched()
    if started is None:
        return command
    if started.launcher in ("srun", "jsrun", "mpirun"):
        return f"{started.launcher} {command}"
    if started.launcher == "torchrun" and started.hosts != 1:
        options = {
            "nnodes": started.hosts,
            "node_rank": os.environ["GROUP_RANK"],
            "nproc_per_node": started.per_host,
            "master_addr": os.environ["MASTER_ADDR"],
            "master_port": os.environ["MASTER_PORT"],
        }
        words = [f"--{name} {value}" for name, value in options.items()]
        return " ".join(["torchrun", *words, command.removeprefix("python ")])
    return command


def _launched_by_slurm() -> Launched:
    tasks = _number("SLURM_NTASKS")
    if tasks > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"this SLURM job has {tasks} tasks, but not their number on each host, which Lightning needs; give sbatch "
            "or srun --ntasks-per-node."
        )
    if "SLURM_STEP_NUM_TASKS" not in os.environ:  # only srun sets it
        return Launched("SLURM (without srun)", 1, 1, 1)
    per_host, hosts = _number("SLURM_NTASKS_PER_NODE"), _number("SLURM_NNODES")
    return _on_hosts("srun", _number("SLURM_STEP_NUM_TASKS"), per_host, hosts)


def _on_hosts(launcher: str, total: int, per_host: int, hosts: int) -> Launched:
    if per_host * hosts != total:
        raise InputError(f"{launcher} started {total} processes on {hosts} hosts; start the same number on each host.")
    return Launched(launcher, total, per_host, hosts)


def _number(variable: str) -> int:
    """Return the number in an environment variable; 1 if it is not set."""
    value = os.environ.get(variable, "1")
    if not value.isdecimal():
        raise InputError(f"the environment variable {variable} is {value!r}, which is not a number; unset it.")
    return int(value)


def _count(devices: Any) -> int | None:
    """Return the number of devices in --trainer.devices; None if it leaves the number open, as auto does."""
    if isinstance(devices, list):
        return len(devices)
    text = str(devices)
    if "," in text:
        return sum(1 for index in text.split(",") if index.strip())
    return int(text) if text.strip().isdecimal() else None
