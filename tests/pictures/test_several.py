"""Several digits in a picture are answered from left to right. A picture without a digit is refused."""

import numpy as np
import pytest

from mnist_mlp.errors import InputError
from mnist_mlp.inference.confidence import is_sure
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form, mnist_forms, view
from tests.pictures.rates import examples
from tests.pictures.several import NOTHING, ROWS, NoDigit, Row, horizon, only_a_frame, only_lines, only_squares


@pytest.fixture(scope="module")
def net() -> Trained:
    return load_net(nets_of_the_package()[-1])


def name(kind: Row | NoDigit) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", ROWS, ids=name)
def test_each_digit_is_answered(net: Trained, kind: Row) -> None:
    images, labels = examples(test=True)
    picture = kind(list(images[:6].numpy()), np.random.default_rng(0))
    forms = mnist_forms(picture)
    assert net([form.image for form in forms]).argmax(dim=1).tolist() == labels[: len(forms)].tolist()
    lefts = [form.box[0] for form in forms]
    assert lefts == sorted(lefts)
    with pytest.raises(InputError, match=f"there are {len(forms)} digits in it; give a picture of one digit"):
        mnist_form(picture)
    assert len(forms) == {"phone_number": 6, "different_sizes": 3}.get(kind.__name__, 2)


@pytest.mark.parametrize("kind", NOTHING, ids=name)
def test_a_picture_without_a_digit(kind: NoDigit) -> None:
    """The sentence names lines if there are lines."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        with pytest.raises(InputError, match=r"nothing in it stands out|there is no digit in it, only") as error:
            mnist_forms(kind(rng))
        assert ("lines" in str(error.value)) or kind not in (only_lines, only_squares, only_a_frame)


def test_a_photo_without_a_digit(net: Trained) -> None:
    """An answer is not sure."""
    rng = np.random.default_rng(0)
    for _ in range(2):
        for form in view(horizon(rng)).forms:
            assert not is_sure(net(form.image)[0].tolist())
