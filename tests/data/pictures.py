"""Folders of real pictures for the tests: digits of MNIST and of scikit-learn as PNG files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mnist_mlp.data.dataset import Examples
from tests.tools import need_package


def write_pictures(folder: Path, examples: Examples, classes: Sequence[str], each: int = 5) -> Path:
    """Write the first images of the digits 0, 1, ... as FOLDER/CLASS/NUMBER.png, one class for each digit."""
    for digit, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number, image in enumerate(examples.images[:1_000][examples.labels[:1_000] == digit][:each]):
            Image.fromarray(image.numpy()).save(folder / name / f"{number}.png")
    return folder


def write_small_digits(folder: Path) -> Path:
    """Write scikit-learn's 1,797 digits of 8 x 8 pixels as FOLDER/DIGIT/NUMBER.png, light on dark."""
    digits = need_package("sklearn.datasets").load_digits()
    for number, (image, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        grey = np.rint(image * 255 / 16).astype(np.uint8)
        Image.fromarray(grey).save(folder / str(digit) / f"{number:04}.png")
    return folder
