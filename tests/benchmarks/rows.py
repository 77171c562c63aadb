"""The rows of the speed table. `python -m tests.benchmarks.rows ROW TASK.npz` runs one of them in its own process."""

import importlib
import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.check import CheckKind
from tests.benchmarks.processes import child_environment
from tests.benchmarks.work import Outcome, outcome, read


@dataclass(frozen=True)
class Row:
    """A row of the table.

    title: as printed in the table.
    function: module:function in this folder.
    check: how closely its outcome must match the reference's (check.py); None if nothing is trained.
    nets: the nets it runs on by default.
    needs: packages in addition to the project's own.
    compiler: whether it needs a C compiler, cc.
    keras_backend: the value of KERAS_BACKEND, for Keras rows.
    slow: time one epoch per process, whatever the option --epochs.
    """

    title: str
    function: str
    check: CheckKind | None = "exact"
    nets: tuple[str, ...] = ("small", "middle")
    needs: tuple[str, ...] = ()
    compiler: bool = False
    keras_backend: str | None = None
    slow: bool = False

    @property
    def missing(self) -> list[str]:
        """What it needs that is not installed."""
        absent = [package for package in self.needs if importlib.util.find_spec(package) is None]
        return [*absent, "a C compiler, cc"] if self.compiler and shutil.which("cc") is None else absent


class Run(NamedTuple):
    """The result of one process.

    seconds: of each epoch but the first, which may include compilation.
    outcome: None if nothing was trained.
    """

    seconds: list[float]
    outcome: Outcome | None


ALL = ("small", "middle", "wide")
NOT_SMALL = ("middle", "wide")
REFERENCE = "autograd"
ROWS = {
    "tutorial": Row(
        "Lightning + torchvision DataLoader with ToTensor", "in_lightning:tutorial", check="shuffled", slow=True
    ),
    "lightning-logged": Row("Lightning, tensors in memory, cost logged", "in_lightning:in_memory_logged", slow=True),
    "lightning": Row("Lightning, tensors in memory, nothing logged", "in_lightning:in_memory", slow=True),
    "keras-tf": Row(
        "Keras 3, TensorFlow backend, jit",
        "in_keras:train",
        check="shuffled",
        needs=("keras", "tensorflow"),
        keras_backend="tensorflow",
        slow=True,
    ),
    "numpy": Row("numpy, per example, as in Nielsen's network.py", "in_numpy:train", nets=("small",), slow=True),
    "c": Row("C, a fused loop on one core, -O3 -march=native", "in_c:train", nets=("small",), compiler=True),
    "autograd": Row("bare PyTorch loop with autograd", "in_torch:autograd", nets=ALL),
    "keras-jax": Row(
        "Keras 3, JAX backend", "in_keras:train", check="shuffled", needs=("keras", "jax"), keras_backend="jax"
    ),
    "jax": Row("JAX, whole epoch as one jitted lax.scan", "in_jax:train", nets=ALL, needs=("jax",)),
    "closed-form": Row("mnist_mlp.fast.kernels called bare", "in_torch:closed_form", nets=ALL),
    "project": Row("**mnist_mlp in the Trainer**, logging and checkpoints on", "in_lightning:project", nets=ALL),
    "products": Row("the matrix products alone", "in_torch:products", check=None, nets=ALL),
    "square": Row("the arithmetic at the rate of a large matrix product", "in_torch:square", check=None, nets=ALL),
    "closed-form-bf16": Row("mnist_mlp.fast.kernels called bare, bf16", "in_torch:closed_form_bf16", "bf16", NOT_SMALL),
    "project-bf16": Row("**mnist_mlp in the Trainer**, bf16-mixed", "in_lightning:project_bf16", "bf16", NOT_SMALL),
    "products-bf16": Row("the matrix products alone, bf16", "in_torch:products_bf16", None, NOT_SMALL),
    "square-bf16": Row(
        "the arithmetic at the rate of a large matrix product, bf16", "in_torch:square_bf16", None, NOT_SMALL
    ),
}


def run_row(name: str, task: Path) -> Run:
    """Run a row in its own process.

    Raises:
        RuntimeError: the process failed; the message contains the end of its stderr.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.rows", name, str(task)],
        env=child_environment(ROWS[name].keras_backend),
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2_000:]}")
    result: dict[str, Any] = json.loads(lines[-1])
    return Run(result["seconds"], Outcome(**result["outcome"]) if "outcome" in result else None)


def main() -> None:
    name, task = sys.argv[1], read(Path(sys.argv[2]))
    module, _, function = ROWS[name].function.partition(":")
    trained = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)(task)
    result: dict[str, Any] = {"seconds": trained.seconds[1:]}
    if trained.weights is not None:
        result["outcome"] = outcome(task, trained.weights)._asdict()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
