"""`python -m tests.trainer.processes FOLDER`: the cases of several processes. The test process must not be forked."""

import multiprocessing
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from tests.trainer.argument_cases import IN_PROCESSES
from tests.trainer.case import Case
from tests.trainer.runs import fit, recorded, use_few_examples, weights


class Writes(L.Callback):
    """Writes the result of a run from its first process."""

    counts_blocks = True

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            closed_form = getattr(pl_module, "uses_closed_form", False)
            processes = trainer.world_size
            torch.save((trainer.global_step, weights(pl_module), closed_form, processes), self.file)


def _fit(case: Case, ours: bool, folder: Path, **environment: str) -> None:
    os.environ.update(environment)
    fit(case, ours, folder, lambda: "")


def run(case: Case, ours: bool, folder: Path, file: Path) -> None:
    """Run a case with one of the nets; as two processes of this machine if it has two nodes."""

    def arguments(folder: Path) -> dict[str, Any]:
        return {**case.arguments(folder), "callbacks": [Writes(file)], "max_epochs": 1, "limit_val_batches": 0}

    nodes = case.arguments(folder).get("num_nodes", 1)
    noted = replace(case, arguments=arguments)
    if nodes == 1:
        _fit(noted, ours, folder)
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    context: Any = multiprocessing.get_context("fork")
    started = []
    for rank in range(nodes):
        environment = {**address, "NODE_RANK": str(rank)}
        started.append(context.Process(target=_fit, args=(noted, ours, folder), kwargs=environment))
        started[-1].start()
    for process in started:
        process.join()
        if process.exitcode != 0:
            sys.exit("a process failed")


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        use_few_examples(patch)
        recorded()
        for number, (_, case) in enumerate(IN_PROCESSES):
            for ours in (True, False):
                name = "ours" if ours else "plain"
                run(case, ours, folder / f"{number}-{name}", folder / f"{number}-{name}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
