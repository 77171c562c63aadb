"""Damaged checkpoints that a run is resumed from: read, compared with the net, restored by Lightning, trained."""

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.inference.load import check_fits
from mnist_mlp.training.checkpoints import checkpoints
from mnist_mlp.training.quiet import silence_lightning
from tests.command import QUIET
from tests.mutation.conftest import SEED
from tests.mutation.judge import judge
from tests.mutation.mutate import mutated_bytes, mutated_values
from tests.mutation.test_nets import saved, with_a_changed_member


@pytest.fixture
def few_images(mnist: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    """300 training images and 50 test images."""
    train, test = (Examples(images[:n], labels[:n]) for (images, labels), n in zip(mnist, (300, 50), strict=True))
    monkeypatch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (train, test))


def trainer(folder: Path, epochs: int) -> L.Trainer:
    callbacks = checkpoints(has_validation=True, folder=folder)
    return L.Trainer(**QUIET | {"enable_checkpointing": True}, callbacks=callbacks, max_epochs=epochs)


def net_and_data() -> tuple[FastSigmoidMLP, MNISTData]:
    return FastSigmoidMLP([4], learning_rate=5.0), MNISTData(val_size=100, batch_size=20)


def mutated(rng: random.Random, count: int, original: bytes) -> Iterator[bytes]:
    """Yield checkpoints: mostly with changed values of what a resumed run restores."""
    tree = torch.load(io.BytesIO(original), weights_only=True)
    restored = {name: value for name, value in tree.items() if not name.endswith(("hyper_parameters", "name"))}
    restored["loops"] = {"fit_loop": tree["loops"]["fit_loop"]}
    for _ in range(count):
        kind = rng.random()
        if kind < 0.1:
            yield mutated_bytes(rng, original)
        elif kind < 0.2:
            yield with_a_changed_member(rng, original)
        elif kind < 0.3:
            yield saved(mutated_values(rng, tree, tensors=True))
        else:
            part = rng.choice(list(restored))
            changed = mutated_values(rng, {part: restored[part]}, tensors=True)
            yield saved({name: value for name, value in tree.items() if name != part} | changed)


@pytest.mark.usefixtures("few_images")
def test_mutated_checkpoints_of_runs(count: int, tmp_path: Path) -> None:
    silence_lightning()
    L.seed_everything(0)
    folder = tmp_path / "checkpoints"
    net, data = net_and_data()
    trainer(folder, 1).fit(net, datamodule=data)
    original = {path: path.read_bytes() for path in folder.iterdir()}
    path = tmp_path / "resumed.ckpt"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        for kept, weights in original.items():
            kept.write_bytes(weights)
        net, data = net_and_data()
        data.setup()
        check_fits(read_checkpoint(path), net, path)
        resumed = trainer(folder, 2)
        resumed.fit(net, datamodule=data, ckpt_path=path, weights_only=True)
        assert all(weight.isfinite().all() for weight in net.parameters()), "weights that are not finite"
        assert resumed.global_step >= 0
        metrics: dict[str, Any] = resumed.callback_metrics
        assert all(value.isfinite().all() for value in metrics.values()), "metrics that are not finite"

    report = judge(mutated(random.Random(f"{SEED} resume"), count, original[folder / "last.ckpt"]), read)
    print("resume", report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0
