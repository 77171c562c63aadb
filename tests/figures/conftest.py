"""Fixtures of the figures' tests: the small net, its data, the example, and the figures' matplotlib settings."""

from collections.abc import Iterator

import pytest

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.figures.style import drawing_style
from mnist_mlp.inference.trained import Trained


@pytest.fixture(scope="module", autouse=True)
def all_read_once(read_once: None) -> None:
    """Use `read_once` in every module of this folder."""


@pytest.fixture(autouse=True)
def in_style() -> Iterator[None]:
    with drawing_style():
        yield


@pytest.fixture(scope="module")
def data(small_net: Trained) -> MNISTData:
    data = small_net.training_data()
    data.setup()
    return data


@pytest.fixture(scope="module")
def example(small_net: Trained, data: MNISTData) -> Example:
    return choose_example(small_net, data, digit=3)
