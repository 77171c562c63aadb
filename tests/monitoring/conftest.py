"""Fixtures for the tests of pictures: few images, and one run that several tests look at."""

import pytest

from mnist_mlp.data.dataset import Examples
from tests.monitoring.runs import Run, use_few_images


@pytest.fixture
def few_images(mnist: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    use_few_images(mnist, monkeypatch)


@pytest.fixture(scope="session")
def run(mnist: tuple[Examples, Examples], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Six epochs in closed form."""
    with pytest.MonkeyPatch.context() as patch:
        use_few_images(mnist, patch)
        return Run(tmp_path_factory.mktemp("pictures"), max_epochs=6)
