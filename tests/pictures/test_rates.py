"""Digits are recognised in pictures as people take them: paper, tables, lines, frames, shadows, screens."""

import pytest

from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from tests.pictures.cameras import MORE
from tests.pictures.making import FIRST, Kind
from tests.pictures.rates import examples, rate
from tests.pictures.surroundings import OTHERS


@pytest.fixture(scope="module")
def net() -> Trained:
    return load_net(nets_of_the_package()[-1])


def name(kind: Kind) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", [*FIRST, *OTHERS, *MORE], ids=name)
def test_a_few_digits_of_each_kind(net: Trained, kind: Kind) -> None:
    """Of two test digits, none is answered wrongly."""
    digits, labels = examples(test=True)
    assert rate(net, kind, digits[:2].numpy(), labels[:2].numpy()).right == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*FIRST, *OTHERS, *MORE], ids=name)
def test_rates(net: Trained, kind: Kind) -> None:
    """At least 95% of 60 test digits are recognised. The seeds are fixed."""
    digits, labels = examples(test=True)
    result = rate(net, kind, digits.numpy(), labels.numpy())
    assert result.right >= 0.95, result
