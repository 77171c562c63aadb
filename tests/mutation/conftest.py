"""How many inputs a mutation test takes."""

import pytest

SEED = 13
FEW, MANY = 300, 10_000


@pytest.fixture(params=[FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def count(request: pytest.FixtureRequest) -> int:
    """The number of mutated inputs."""
    return int(request.param)
