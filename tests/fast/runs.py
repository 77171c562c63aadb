"""Small real runs by either engine, and what they log."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET

ENGINES: tuple[EngineName, ...] = ("closed_form", "autograd")


class InMemory(Logger):
    """A logger that keeps its values: {name: {step: value}}."""

    def __init__(self) -> None:
        super().__init__()
        self.logged: dict[str, dict[int, float]] = {}

    name = "in memory"
    version = 0

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for key, value in metrics.items():
            assert step is not None
            self.logged.setdefault(key, {})[step] = float(value)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        pass


class Run(NamedTuple):
    model: SigmoidMLP
    trainer: L.Trainer
    logged: dict[str, dict[int, float]]


def train(
    engine: EngineName,
    batch_size: int = 16,
    net: dict[str, Any] | None = None,
    kind: type[SigmoidMLP] = FastSigmoidMLP,
    prepare: Callable[[SigmoidMLP], object] = lambda model: None,
    ckpt_path: Path | None = None,
    **trainer: Any,
) -> Run:
    """Train for two epochs on 2,000 real images: by default 125 updates each, in mini-batches of 16.

    Args:
        engine: of a FastSigmoidMLP; a plain SigmoidMLP has none.
        batch_size: examples per weight update.
        net: settings of the net that differ.
        kind: the net's class.
        prepare: called with the net before training.
        ckpt_path: a checkpoint to resume.
        trainer: settings of the Trainer that differ.
    """
    L.seed_everything(3, verbose=False)
    own: dict[str, Any] = {"engine": engine} if issubclass(kind, FastSigmoidMLP) else {}
    model = kind(**{"hidden_sizes": [12], "learning_rate": 8.0, "lr_warmup_epochs": 0.5, **own, **(net or {})})
    prepare(model)
    logger = InMemory()
    short = {"max_epochs": 2, "log_every_n_steps": 10, "limit_val_batches": 1}
    made = L.Trainer(**{**QUIET, **short, "logger": logger, **trainer})
    data = MNISTData(batch_size=batch_size, val_size=58_000)
    made.fit(model, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    return Run(model, made, logger.logged)


def assert_same_weights(one: SigmoidMLP, other: SigmoidMLP, rtol: float = 0.0, atol: float = 0.0) -> None:
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


LECUN98 = {
    "activation": "scaled_tanh",
    "output_activation": "scaled_tanh",
    "target_values": (-1.0, 1.0),
    "init": "lecun98",
    "learning_rate": 0.5,
}


CONSTANT = {"lr_schedule": "constant"}  # so that η does not depend on the length of the run


def every_epoch(folder: Path) -> dict[str, Any]:
    return {"callbacks": [ModelCheckpoint(folder, filename="{epoch}", save_top_k=-1)], "enable_checkpointing": True}
