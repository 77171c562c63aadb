"""Arrays as numpy, torch and PIL users have them: the same answer, or one sentence that names type and shape."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form

Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def net() -> Trained:
    return load_net(nets_of_the_package()[-1])


SAME: dict[str, Callable[[Bytes], Any]] = {
    "uint8": lambda d: d,
    "float32 0 to 1": lambda d: d.astype(np.float32) / 255,
    "float64 0 to 1": lambda d: d / 255.0,
    "float32 0 to 255": lambda d: d.astype(np.float32),
    "float64 0 to 255": lambda d: d.astype(float),
    "float16 0 to 1": lambda d: (d / 255).astype(np.float16),
    "int64": lambda d: d.astype(np.int64),
    "int32": lambda d: d.astype(np.int32),
    "uint16 0 to 255": lambda d: d.astype(np.uint16),
    "uint16 0 to 65535": lambda d: d.astype(np.uint16) * 257,
    "(1, 28, 28)": lambda d: d[None],
    "(28, 28, 1)": lambda d: d[..., None],
    "torch uint8": torch.from_numpy,
    "torch (1, 28, 28) float": lambda d: torch.from_numpy(d[None] / 255).float(),
    "torch bfloat16": lambda d: torch.from_numpy(d / 255).bfloat16(),
    "torch with gradient": lambda d: torch.from_numpy(d / 255).requires_grad_(),
    "list": lambda d: d.tolist(),
    "flat": lambda d: d.reshape(-1),
    "PIL": Image.fromarray,
    "PIL, 32 bits": lambda d: Image.fromarray(d.astype(np.int32)),
}
ALIKE: dict[str, Callable[[Bytes], Any]] = {  # fewer levels
    "bool": lambda d: d > 127,
    "whole numbers 0 and 1": lambda d: (d > 127).astype(np.int64),
    "uint8 0 and 1": lambda d: (d > 127).astype(np.uint8),
}
PICTURES: dict[str, Callable[[Bytes], Any]] = {
    "(3, 28, 28)": lambda d: np.stack([d] * 3),
    "grey with opacity (28, 28, 2)": lambda d: np.dstack([d, np.full_like(d, 255)]),
    "float (28, 28, 3)": lambda d: np.dstack([d / 255.0] * 3),
}
REFUSED: dict[str, Callable[[Bytes], Any]] = {
    "-1 to 1": lambda d: (d / 127.5 - 1).astype(np.float32),
    "normalised": lambda d: ((d / 255 - 0.1307) / 0.3081).astype(np.float32),
    "negative noise": lambda d: d.astype(np.float32) - 5,
    "negative whole numbers": lambda d: d.astype(np.int64) - 1,
    "NaN": lambda d: np.where(d > 0, np.nan, d),
    "infinite": lambda d: np.where(d > 0, np.inf, d),
    "neither scale": lambda d: d / 100,
    "above 255": lambda d: d.astype(np.int64) * 2,
    "complex": lambda d: d.astype(complex),
    "text": lambda d: d.astype(str),
    "one row": lambda d: d[:1, :27].reshape(-1),
    "five axes": lambda d: np.stack([d[None, None]] * 2),
}


@pytest.mark.parametrize("kind", SAME.values(), ids=SAME)
def test_the_same_image(mnist: tuple[Examples, Examples], net: Trained, kind: Callable[[Bytes], Any]) -> None:
    for digit in mnist[1].images[1000:1003].numpy():
        difference = mnist_form(kind(digit)).astype(int) - mnist_form(digit)
        assert np.abs(difference).max() <= 2
        expected = net.activations(torch.from_numpy(digit)[None])
        torch.testing.assert_close(net(kind(digit)), expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("kind", ALIKE.values(), ids=ALIKE)
def test_black_and_white(mnist: tuple[Examples, Examples], net: Trained, kind: Callable[[Bytes], Any]) -> None:
    digits, labels = mnist[1].images[1000:1010].numpy(), mnist[1].labels[1000:1010].tolist()
    assert net([kind(digit) for digit in digits]).argmax(dim=1).tolist() == labels
    assert net([mnist_form(kind(digit)) for digit in digits]).argmax(dim=1).tolist() == labels


@pytest.mark.parametrize("kind", PICTURES.values(), ids=PICTURES)
def test_pictures_with_channels(mnist: tuple[Examples, Examples], kind: Callable[[Bytes], Any]) -> None:
    digit = mnist[1].images[1000].numpy()
    assert np.abs(mnist_form(kind(digit)).astype(int) - mnist_form(digit)).max() <= 2
    with pytest.raises(InputError, match=r"shape \("):
        mnist_form(np.stack([digit] * 9))


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED)
def test_one_sentence(mnist: tuple[Examples, Examples], net: Trained, kind: Callable[[Bytes], Any]) -> None:
    array = kind(mnist[1].images[1000].numpy())
    for function in (mnist_form, net.activations):
        with pytest.raises(InputError, match=r"shape \(") as error:
            function(array)
        assert str(array.dtype) in str(error.value)
        assert str(array.shape) in str(error.value)


def test_batches(mnist: tuple[Examples, Examples], net: Trained) -> None:
    images = mnist[1].images[:4]
    expected = net.activations(images)
    assert expected.shape == (4, 10)
    batches = [
        images[:, None],
        images.float() / 255,
        images.flatten(1),
        images.numpy(),
        list(images),
        images[..., None],
    ]
    batches += [[Image.fromarray(image.numpy()) for image in images], images.tolist()]
    for batch in batches:
        torch.testing.assert_close(net(batch), expected, rtol=0, atol=0.02)
    assert net.activations(images[:0]).shape == (0, 10)
    assert net(images[0]).shape == (1, 10)
