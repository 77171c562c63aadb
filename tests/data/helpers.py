"""Tools shared by the tests of the data."""

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation, affine
from mnist_mlp.data.resampling import resample

Array = npt.NDArray[np.float64]
CPU = torch.device("cpu")
# MNISTData's options for an augmentation of every kind.
SETTINGS: dict[str, Any] = {
    "rotation": 10.0,
    "scaling": 0.1,
    "shear": 5.0,
    "shift": 1.5,
    "elastic_alpha": 34.0,
    "elastic_sigma": 5.0,
    "rotation_of": {1: 5.0, 7: 0.0},
}
ALL = Augmentation(**SETTINGS)


def generator(seed: int = 0) -> torch.Generator:
    """Return a generator of random numbers."""
    return torch.Generator().manual_seed(seed)


def zeros(n: int) -> Tensor:
    """Return labels for tests in which labels do not matter."""
    return torch.zeros(n, dtype=torch.int64)


def transform_by(
    images: Tensor,
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """Transform all images by the same known amounts."""
    n = len(images)
    coefficients = affine(
        rotation=torch.full((n,), rotation),
        scale=torch.tensor(scale)[:, None].expand(2, n),
        shear=torch.full((n,), shear),
        shift=torch.tensor(shift)[:, None].expand(2, n),
    )
    return resample(images, coefficients, Augmentation().basis(CPU))


def bilinear(image: Array, x: float, y: float) -> float:
    """Interpolate the image at column x and row y, counted from 0; outside it is 0."""
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= row < 28 and 0 <= column < 28:
                total += image[row, column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


def idx(type_code: int, shape: tuple[int, ...], content: bytes) -> bytes:
    """Return the content of an IDX file."""
    return bytes([0, 0, type_code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content
