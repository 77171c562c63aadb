"""What the tests of this folder share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import mnist_mlp.inference.find
from mnist_mlp.inference.trained import Trained


@pytest.fixture
def pretrained_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the test in an empty folder, with an empty folder in place of the package's `pretrained`."""
    monkeypatch.setattr(mnist_mlp.inference.find, "files", lambda _: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "package" / "pretrained"
    folder.mkdir(parents=True)
    return folder


def changed(path: Path, to: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Write a copy of a checkpoint with a change, and return its path."""
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, to)
    return to


def assert_same_net(a: Trained, b: Trained, images: Tensor) -> None:
    """Two nets have the same settings and, bit for bit, the same activations."""
    assert torch.equal(a.activations(images), b.activations(images))
    assert a.preprocessing == b.preprocessing
    assert a.model == b.model
    assert a.data == b.data
