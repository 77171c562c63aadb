"""What the page holds: the nets, some test images, and training images to train with."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.demo.nets import data_of, described_net
from mnist_mlp.errors import InputError
from mnist_mlp.inference.confidence import MARGIN, SURE
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import N_INPUTS, N_OUTPUTS

TEST_IMAGES = 500  # a random sample; the page's averages are over these
MISTAKES = 12  # further test images for each net, of those that it gets wrong
TRAINING_IMAGES = 4_000
SPRITE_COLUMNS = 20
SEED = 0  # of all random choices


def contents(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the page's data (demo/bundle.py).

    Args:
        paths: the files of the nets, at least one. The first one is shown first.

    Raises:
        InputError: a net cannot be loaded or cannot be shown, or they were trained on different data.
    """
    nets = [load_net(path) for path in paths]
    for path, trained in zip(paths, nets, strict=True):
        sizes = (trained.net.hparams["n_inputs"], trained.net.hparams["n_outputs"])
        if sizes != (N_INPUTS, N_OUTPUTS):
            raise InputError(
                f"{path} has {sizes[0]} inputs and {sizes[1]} outputs; the page shows nets with 784 and 10."
            )
        if data_of(trained) != data_of(nets[0]):
            raise InputError(f"{paths[0]} and {path} were trained on different data; make a page for each.")
    training, test = _examples(nets[0])
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(test.labels), generator=generator)
    shown = order[:TEST_IMAGES].tolist()
    described: list[dict[str, Any]] = []
    for path, trained in zip(paths, nets, strict=True):
        guesses = trained.activations(test.images).argmax(dim=1)
        wrong = [i for i in order.tolist() if guesses[i] != test.labels[i]]
        shown += [i for i in wrong[:MISTAKES] if i not in shown]
        error = len(wrong) / len(test.labels)
        net = described_net(path, trained, error)
        if net["id"] in [other["id"] for other in described]:
            net["id"] += f"-{len(described) + 1}"
        described.append({**net, "wrong": [shown.index(i) for i in wrong if i in shown]})
    sample = torch.randperm(len(training.labels), generator=generator)[:TRAINING_IMAGES]
    return {
        "nets": {"nets": described, "sure": SURE, "margin": MARGIN},
        "digits": {"counted": min(TEST_IMAGES, len(order)), **_pictures(test, torch.tensor(shown))},
        "training": _pictures(training, sample),
    }


def _examples(trained: Trained) -> tuple[Examples, Examples]:
    """Return the training and test examples of the net's data set."""
    if trained.data is None:
        return load()
    data = trained.training_data()
    data.setup()
    loaders = data.train_dataloader(), data.test_dataloader()
    training, test = (loader.dataset.examples for loader in loaders)  # type: ignore[attr-defined]
    return training, test


def _pictures(examples: Examples, chosen: Tensor) -> dict[str, Any]:
    """Return images as one PNG, row by row, with their labels."""
    count = len(chosen)
    rows = -(-count // SPRITE_COLUMNS)
    tiles = np.zeros((rows * SPRITE_COLUMNS, 28, 28), dtype=np.uint8)
    tiles[:count] = examples.images[chosen].numpy()
    grid = tiles.reshape(rows, SPRITE_COLUMNS, 28, 28).transpose(0, 2, 1, 3).reshape(rows * 28, -1)
    content = io.BytesIO()
    Image.fromarray(grid).save(content, "PNG", optimize=True)
    return {
        "columns": SPRITE_COLUMNS,
        "labels": "".join(map(str, examples.labels[chosen].tolist())),
        "sprite": "data:image/png;base64," + base64.b64encode(content.getvalue()).decode(),
    }
