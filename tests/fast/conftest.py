"""Fixtures for runs by blocks."""

import pytest


@pytest.fixture
def blocks_of_320(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make blocks small, so that an epoch of 2,000 images has several of them, the last one shorter."""
    monkeypatch.setattr("mnist_mlp.fast.eligibility.EXAMPLES_PER_BLOCK", 320)
