"""The net trains on the batches of any DataLoader."""

from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from tests.command import QUIET
from tests.fast.runs import ENGINES, InMemory, Run, assert_same_weights

pytestmark = pytest.mark.usefixtures("read_once", "blocks_of_320")


def test_a_plain_dataloader_gives_the_same_with_both_engines() -> None:
    """(images, labels) from torch's DataLoader: one weight update per batch, the short last one included."""
    runs = []
    for engine in ENGINES:
        torch.manual_seed(0)
        data = MNISTData(val_size=0)
        data.setup()
        split: Any = data.train_dataloader().dataset
        images, labels = split.examples
        loader = DataLoader(TensorDataset(images[:300].unsqueeze(1).double() / 255, labels[:300]), batch_size=32)
        logger = InMemory()
        model = FastSigmoidMLP([16], engine=engine, learning_rate=5.0)
        options = {**QUIET, "max_epochs": 2, "logger": logger, "log_every_n_steps": 1, "precision": "64-true"}
        trainer = L.Trainer(**options)
        trainer.fit(model, loader)
        assert trainer.global_step == 20
        runs.append(Run(model, trainer, logger.logged))
    assert_same_weights(runs[0].model, runs[1].model, rtol=1e-6, atol=1e-9)
    for name in ("update/mini_batch_cost", "update/learning_rate", "train/cost"):
        assert list(runs[0].logged[name]) == list(runs[1].logged[name])
        values = [list(run.logged[name].values()) for run in runs]
        assert values[0] == pytest.approx(values[1], rel=1e-6), name


@pytest.mark.parametrize("engine", ENGINES)
def test_learns_from_a_plain_dataloader(engine: EngineName) -> None:
    """(images, labels) from a plain DataLoader that shuffles: the net learns them."""
    torch.manual_seed(0)
    data = MNISTData(val_size=0)
    data.setup()
    split: Any = data.train_dataloader().dataset
    images, labels = split.examples
    dataset = TensorDataset(images[:500].unsqueeze(1).float() / 255, labels[:500])
    model = FastSigmoidMLP([16], engine=engine, learning_rate=10.0)
    trainer = L.Trainer(**{**QUIET, "max_epochs": 12})
    trainer.fit(model, DataLoader(dataset, batch_size=10, shuffle=True))
    assert trainer.global_step == 600
    with torch.no_grad():
        assert (model(dataset.tensors[0]).argmax(1) == dataset.tensors[1]).float().mean() > 0.8
