"""Elastic distortions: the displacement field is blurred noise, as Simard et al. 2003 make it."""

import math

import numpy as np
import pytest
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.elastic import elastic_modes
from tests.data.helpers import CPU, Array, bilinear, generator, zeros


def field_of(augmentation: Augmentation, n: int, seed: int) -> Array:
    """Return the displacement fields of n images along x and along y, (N, 2, 28, 28)."""
    coefficients, basis = augmentation.draw(zeros(n), generator(seed)), augmentation.basis(CPU)
    return (coefficients[:, :, 3:] @ basis[3:]).view(n, 2, 28, 28).double().numpy()


def test_the_elastic_field_moves_pixels_along_x_and_y(images: Tensor) -> None:
    """The displacement of a pixel is the field's value at the pixel of the new image."""
    augmentation = Augmentation(elastic_alpha=34.0)
    field, made = field_of(augmentation, len(images), 3), augmentation(images, zeros(20), generator(3))
    for which in range(3):
        pixels = images[which].double().numpy()
        for row, column in [(r, c) for r in range(0, 28, 3) for c in range(0, 28, 3)]:
            x, y = column + field[which, 0, row, column], row + field[which, 1, row, column]
            assert float(made[which, row, column]) == pytest.approx(bilinear(pixels, x, y), abs=0.02)


def blurred_noise(n: int, sigma: float) -> Array:
    """Blur uniform noise from -1 to 1 with a Gaussian that sums to 1: (n, 28, 28)."""
    radius = 5 * math.ceil(sigma)
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    size = 28 + 2 * radius
    blur = np.stack([np.convolve(np.eye(size)[i], kernel, mode="valid") for i in range(size)])
    return np.asarray(blur.T @ np.random.default_rng(0).uniform(-1, 1, (n, size, size)) @ blur)


@pytest.mark.parametrize("sigma", [1.5, 4.0, 8.0])
def test_the_elastic_field_is_blurred_noise(sigma: float) -> None:
    """Strength, smoothness and distribution match those of directly blurred noise, and the closed forms."""
    n, alpha = 1500, 34.0
    field = field_of(Augmentation(elastic_alpha=alpha, elastic_sigma=sigma), n, 5)
    x, y, expected = field[:, 0], field[:, 1], alpha * blurred_noise(n, sigma)
    std = alpha / (2 * sigma * math.sqrt(3 * math.pi))
    # The tolerances allow for the sampling error: a field has few independent places, only three at σ = 8.
    for component in (x, y):
        assert component.std() == pytest.approx(expected.std(), rel=0.06)
        assert component.std() == pytest.approx(std, rel=0.04)
        assert component.mean() == pytest.approx(0, abs=4 * std / math.sqrt(n))
        # The field is as strong at the border and in the corners as in the middle.
        assert component.std(axis=0) == pytest.approx(np.full((28, 28), std), rel=0.1)
        assert np.mean(component**4) / np.mean(component**2) ** 2 == pytest.approx(3, abs=0.3)
    for lag in (1, 2, 4, 8, 12):
        for first, second in (
            ((x[:, :, lag:], x[:, :, :-lag]), (expected[:, :, lag:], expected[:, :, :-lag])),
            ((y[:, lag:], y[:, :-lag]), (expected[:, lag:], expected[:, :-lag])),
        ):
            ours, theirs = (np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in (first, second))
            assert ours == pytest.approx(theirs, abs=0.06), lag
            assert ours == pytest.approx(math.exp(-(lag**2) / (4 * sigma**2)), abs=0.05), lag
    assert np.corrcoef(x.ravel(), y.ravel())[0, 1] == pytest.approx(0, abs=0.08)


def test_few_modes_hold_nearly_all_of_the_field() -> None:
    assert len(elastic_modes(4.0)) == 43  # as its docstring says
    for sigma in (0.1, 1.0, 4.0, 20.0, 100.0):
        modes = elastic_modes(sigma).double()
        g = np.exp(-(np.arange(-500, 501) ** 2) / (2 * sigma**2))
        whole = 784 * float(np.sum((g / g.sum()) ** 2)) ** 2 / 3  # the variances of all places, summed
        assert 0.999 <= float(modes.square().sum()) / whole <= 1.001
        assert (modes @ modes.T).fill_diagonal_(0).abs().max() < 1e-6 * whole  # the modes are orthogonal
