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


def test_a_few_digits_of_the_usual_kinds(net: Trained) -> None:
    """Four test digits of each kind: at least 95% of all are recognised, and no kind fails as a whole."""
    digits, labels = examples(test=True)
    rights = [rate(net, kind, digits[:4].numpy(), labels[:4].numpy()).right for kind in FIRST]
    assert sum(rights) >= 0.95 * len(FIRST), dict(zip(map(name, FIRST), rights, strict=True))
    assert min(rights) >= 0.5


def test_a_digit_of_each_other_kind(net: Trained) -> None:
    """At least 95% of the kinds are recognised."""
    digits, labels = examples(test=True)
    kinds = [*OTHERS, *MORE]
    wrong = [kind.__name__ for kind in kinds if rate(net, kind, digits[:1].numpy(), labels[:1].numpy()).right < 1]
    assert len(wrong) <= 0.05 * len(kinds), wrong


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIRST, ids=name)
def test_rates(net: Trained, kind: Kind) -> None:
    """At least 95% of 60 test digits are recognised."""
    digits, labels = examples(test=True)
    result = rate(net, kind, digits.numpy(), labels.numpy())
    assert result.right >= 0.95, result
