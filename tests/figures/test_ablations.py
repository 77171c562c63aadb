"""Figure 8, figures/ablations.py, and the training of the figures' own nets, figures/fit.py."""

from collections.abc import Callable
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.callbacks import Callback

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.ablations import ABLATIONS, train_ablation
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.model import SigmoidMLP


def test_each_net_is_tested_once_after_its_last_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same numbers."""
    events: list[str] = []

    def noted(name: str, method: Callable[[MNISTData], Any]) -> Callable[[MNISTData], Any]:
        return lambda data: events.append(name) or method(data)  # type: ignore[func-returns-value]

    for name in ("train_dataloader", "test_dataloader"):
        monkeypatch.setattr(MNISTData, name, noted(name, getattr(MNISTData, name)))
    runs = [train_ablation("tanh", MNISTData(val_size=57_000), seed=3, epochs=2) for _ in range(2)]
    assert events == ["train_dataloader", "test_dataloader"] * 2
    assert runs[0] == runs[1]
    assert len(runs[0].costs) == 2
    assert 0.7 < runs[0].test_accuracy < 0.95
    assert 0.01 < runs[0].costs[1] < runs[0].costs[0] < 0.1


def test_each_ablation_is_one_change() -> None:
    assert [len(change) for change in ABLATIONS.values()] == [0, 1, 1, 1]
    for change in ABLATIONS.values():
        SigmoidMLP([3], **change)


class CtrlC(Callback):
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_raises_keyboard_interrupt() -> None:
    """Lightning alone would end the process with code 1 and without a message."""
    with pytest.raises(KeyboardInterrupt):
        fit_on_cpu(SigmoidMLP([3]), 1, CtrlC(), datamodule=MNISTData(val_size=59_000))
