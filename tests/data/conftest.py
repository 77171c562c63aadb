"""Fixtures of the tests of the data."""

import pytest
from torch import Tensor

from mnist_mlp.data.dataset import Examples


@pytest.fixture(scope="session")
def images(mnist: tuple[Examples, Examples]) -> Tensor:
    """The first 20 training images."""
    return mnist[0].images[:20]
