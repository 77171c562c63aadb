"""Fixtures of the Trainer's cases: few images, small blocks, and what a run prints."""

from collections.abc import Callable, Iterator

import pytest
import torch

from tests.trainer.runs import use_few_examples


@pytest.fixture(scope="module")
def few_images() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        use_few_examples(patch)
        yield


@pytest.fixture(autouse=True)
def modes() -> Iterator[None]:
    """Restore PyTorch's modes, which the Trainer sets for the whole process."""
    deterministic, benchmark = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    yield
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = benchmark


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return what was printed since the last call."""
    return lambda: "".join(capfd.readouterr())
