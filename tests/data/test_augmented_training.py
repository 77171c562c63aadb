"""Training with augmentation: the net learns, and resumed runs are exact."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET
from tests.data.helpers import SETTINGS

pytestmark = pytest.mark.usefixtures("read_once")


def fit(data: MNISTData, engine: EngineName = "auto", epochs: int = 2, **options: Any) -> tuple[SigmoidMLP, L.Trainer]:
    """Train a small net."""
    ckpt_path = options.pop("ckpt_path", None)
    L.seed_everything(3, verbose=False)
    net = FastSigmoidMLP([30], learning_rate=10.0, lr_schedule="constant", lr_warmup_epochs=0.2, engine=engine)
    trainer = L.Trainer(**{**QUIET, "max_epochs": epochs, "limit_val_batches": 1, "log_every_n_steps": 50, **options})
    trainer.fit(net, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    return net, trainer


def test_a_net_learns_from_augmented_images() -> None:
    """Both engines agree to rounding in float64. The net is better on the validation images, which do not change."""
    engines: tuple[EngineName, ...] = ("closed_form", "autograd")
    nets = []
    for engine in engines:
        net, trainer = fit(MNISTData(val_size=54_000, **SETTINGS), engine, precision="64-true")
        metrics = trainer.callback_metrics
        assert 0.6 < metrics["train/accuracy"] < metrics["val/accuracy"]
        assert metrics["val/accuracy"] > 0.8
        nets.append(net)
    for closed_form, autograd in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(closed_form, autograd, rtol=1e-6, atol=1e-8)


def test_resumed_runs_get_the_same_images(tmp_path: Path) -> None:
    """An uninterrupted and a resumed run end with the same weights, bit for bit."""
    settings = {"val_size": 57_000, **SETTINGS}
    whole, _ = fit(MNISTData(**settings))
    _, first = fit(MNISTData(**settings), epochs=1)
    first.save_checkpoint(tmp_path / "first.ckpt")
    resumed, _ = fit(MNISTData(**settings), ckpt_path=tmp_path / "first.ckpt")
    for expected, parameter in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert parameter.equal(expected)
