"""What several tests share: the real MNIST, read once, and a fair share of the processor."""

from collections.abc import Iterator

import pytest
import torch

from mnist_mlp.dataset import Examples, load

torch.set_num_threads(1)  # pytest runs one process per core; more threads than cores slow each other down


@pytest.fixture(scope="session")
def mnist() -> tuple[Examples, Examples]:
    """Training and test examples."""
    return load()


@pytest.fixture(scope="module")
def read_once(mnist: tuple[Examples, Examples]) -> Iterator[None]:
    """Every MNISTData of the module gets the examples read above; that files are read well, test_data.py sees to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_mlp.data.load", lambda *_: mnist)
        yield
