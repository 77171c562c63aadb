"""What stands out from the paper around it: dark strokes on light paper, light strokes on dark paper."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnist_mlp.pictures.colours import Floats

WINDOW = 0.4  # of the longer side: what is narrower than this can be ink, what is wider is paper, table or shadow
SPECK = 0.012  # of the longer side: narrower gaps in the paper do not make it ink
LEAST_CONTRAST = 0.05  # between ink and paper, as a fraction of the contrast of black and white
NOISE = 5.0  # ink differs from the paper by more than this times the standard deviation of the noise
DARKEST_PAPER = 0.3  # ink on darker paper is compared with this brightness, or noise would count too much
SPECKLED = 0.01  # a larger share of single pixels that differ by a third is noise, which a median filter removes


def speckled(picture: Floats) -> bool:
    """Say whether single black and white pixels are strewn all over the picture, (H, W, C)."""
    grey = picture.mean(axis=2)
    single = np.abs(grey - ndimage.median_filter(grey, 3)) > 0.33
    if single.mean() < SPECKLED or min(grey.shape) < 64:
        return False
    height, width = (side // 8 * 8 for side in grey.shape)
    blocks = single[:height, :width].reshape(8, height // 8, 8, width // 8).any(axis=(1, 3))
    return bool(blocks.mean() > 0.8)


def without_speckles(picture: Floats) -> Floats:
    """Replace each pixel of (H, W, C) by the median of its neighbourhood, twice."""
    for _ in range(2):
        picture = ndimage.median_filter(picture, (3, 3, 1))
    return picture


def contrasts(picture: Floats) -> tuple[Floats, Floats, float]:
    """Compare each pixel with the paper around it.

    The paper is the picture after a morphological closing (for dark ink) or opening (for light ink), which remove
    whatever is narrower than the window. Borders of paper and of shadows are wider, so that they do not stand out.

    Args:
        picture: (H, W, C), 0 to 1.

    Returns:
        (H, W), 0 to about 1, how much darker than the paper; the same, how much lighter; and the least contrast that
        is not noise.
    """
    grey = picture.mean(axis=2)
    noise = float(np.median(np.abs(grey - ndimage.uniform_filter(grey, 3)))) * 1.5
    if noise > 0.004 and min(grey.shape) > 64:
        picture = ndimage.gaussian_filter(picture, (1.2, 1.2, 0))
        noise *= 0.25
    window = int(WINDOW * max(grey.shape)) // 2 * 2 + 1
    small = 2 * round(SPECK * max(grey.shape) / 2) + 1
    opened_dots, closed_dots = _opening(picture, small), _closing(picture, small)
    closed, opened = _closing(opened_dots, window), _opening(closed_dots, window)
    closed, opened = np.maximum(closed, picture), np.minimum(opened, picture)
    darker = _strongest((closed - picture) / np.maximum(closed, DARKEST_PAPER))
    lighter = _strongest(picture - opened)
    if noise > 0:
        darker, lighter = _above_noise(darker, noise), _above_noise(lighter, noise)
    return darker, lighter, max(LEAST_CONTRAST, NOISE * noise)


def _strongest(contrasts: NDArray[Any]) -> Floats:
    """Return (H, W): of the colours' contrasts, (H, W, C), the largest."""
    return np.asarray(contrasts.max(axis=2), dtype=np.float32)


def _above_noise(contrast: Floats, noise: float) -> Floats:
    """Return the contrast above that of the paper's noise."""
    usual = min(float(np.median(contrast)), 4 * noise)
    return np.asarray(np.maximum(contrast - usual, 0), dtype=np.float32)


def _closing(picture: Floats, window: int) -> Floats:
    """Remove what is darker than its surroundings and narrower than the window, (H, W, C)."""
    size = (window, window, 1)
    largest = ndimage.maximum_filter(picture, size, mode="constant", cval=0)  # outside is neither light nor dark
    closed: Floats = ndimage.minimum_filter(largest, size, mode="constant", cval=1)
    return closed


def _opening(picture: Floats, window: int) -> Floats:
    """Remove what is lighter than its surroundings and narrower than the window, (H, W, C)."""
    return 1 - _closing(1 - picture, window)
