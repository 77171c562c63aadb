"""The table's rows, and how one is run: `python -m tests.benchmarks.rows ROW TASK.npz`, a process of its own."""

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.benchmarks.processes import child_environment
from tests.benchmarks.work import outcome, read

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Row:
    """title: as the table has it. function: module:function in this folder. nets: where it runs unless asked for.

    check: against what its outcome is held. "exact": same mini-batches, so equal to rounding. "bf16": the same,
    rounded to 8 bits. "shuffled": its framework drew mini-batches of its own. None: nothing is trained.
    """

    title: str
    function: str
    check: Literal["exact", "bf16", "shuffled"] | None = "exact"
    nets: tuple[str, ...] = ("small", "middle")
    needs: str = "torch"
    keras_backend: str | None = None


ALL = ("small", "middle", "wide")
ROWS = {
    "tutorial": Row("Lightning + torchvision DataLoader with ToTensor", "in_lightning:tutorial", check="shuffled"),
    "lightning-logged": Row("Lightning, tensors in memory, cost logged", "in_lightning:in_memory_logged"),
    "lightning": Row("Lightning, tensors in memory, nothing logged", "in_lightning:in_memory"),
    "keras-tf": Row(
        "Keras 3, TensorFlow backend, jit",
        "in_keras:train",
        check="shuffled",
        needs="tensorflow",
        keras_backend="tensorflow",
    ),
    "numpy": Row("numpy, per example, as in Nielsen's network.py", "in_numpy:train", nets=("small",), needs="numpy"),
    "autograd": Row("bare PyTorch loop with autograd", "in_torch:autograd", nets=ALL),
    "keras-jax": Row("Keras 3, JAX backend", "in_keras:train", check="shuffled", needs="jax", keras_backend="jax"),
    "jax": Row("JAX, whole epoch as one jitted lax.scan", "in_jax:train", nets=ALL, needs="jax"),
    "closed-form": Row("mnist_mlp.backprop called bare", "in_torch:closed_form", nets=ALL),
    "project": Row("**mnist_mlp in the Trainer**, logging and checkpoints on", "in_lightning:project", nets=ALL),
    "products": Row("the matrix products alone", "in_torch:products", check=None, nets=ALL),
    "square": Row("the arithmetic at the rate of a large matrix product", "in_torch:square", check=None, nets=ALL),
    "closed-form-bf16": Row("mnist_mlp.backprop called bare, bf16", "in_torch:closed_form_bf16", "bf16", ALL),
    "project-bf16": Row("**mnist_mlp in the Trainer**, bf16-mixed", "in_lightning:project_bf16", "bf16", ALL),
    "products-bf16": Row("the matrix products alone, bf16", "in_torch:products_bf16", None, ALL),
    "square-bf16": Row("the arithmetic at the rate of a large matrix product, bf16", "in_torch:square_bf16", None, ALL),
}


def run_row(name: str, task: Path) -> dict[str, Any]:
    """One process: its epochs' seconds but for the first, in which things are compiled, and its outcome.

    Raises:
        RuntimeError: the process failed; the message is the end of what it wrote.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.rows", name, str(task)],
        env=child_environment(ROWS[name].keras_backend),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2_000:]}")
    result: dict[str, Any] = json.loads(lines[-1])
    return result


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
