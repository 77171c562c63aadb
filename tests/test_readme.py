"""README's Python examples run as they stand there."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning as L
import torch

from mnist_mlp import MNISTData, SigmoidMLP
from tests.command import QUIET, ROOT


def examples() -> list[str]:
    """The code blocks of the section on Python."""
    section = (ROOT / "README.md").read_text().partition("## From Python\n")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def test_the_trainer_example_runs(tmp_path: Path) -> None:
    """In an empty folder; the net that it trains is accurate."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", examples()[0]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"'test/accuracy': (0\.\d+)", result.stdout)
    assert accuracy is not None, result.stdout
    assert float(accuracy[1]) > 0.9


def test_the_equations_alone_train_the_net_that_the_trainer_gives() -> None:
    """An epoch by backprop.py, 1,719 weight updates, ends with the weights of the Trainer's, to rounding.

    At η = 3 the two runs differ by 1e-6. At η = 10 and more, rounding grows into other weights over an epoch.
    """
    names: dict[str, Any] = {}
    exec(examples()[1], names)
    L.seed_everything(0, verbose=False)
    net = SigmoidMLP([30], learning_rate=names["eta"], lr_schedule="constant", lr_warmup_epochs=0)
    start = net.linear_layers[0].weight.detach().clone()
    L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET).fit(net, datamodule=MNISTData())
    for (W, b, _), layer in zip(names["layers"], net.linear_layers, strict=True):
        torch.testing.assert_close(W, layer.weight.detach(), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(b, layer.bias.detach(), rtol=1e-3, atol=1e-4)
    assert (net.linear_layers[0].weight - start).abs().max() > 0.1  # far more than the tolerance
