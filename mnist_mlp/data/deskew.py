"""Deskewing: make slanted digits upright before the net sees them, in training and in use.

LeCun et al. (1998) did so. The MNIST page (yann.lecun.com/exdb/mnist) describes it as "computing the principal axis of
the shape that is closest to the vertical, and shifting the lines so as to make it vertical". Shifting each line of
pixels in proportion to its height is a shear. The right shear makes the covariance of x and y over the ink 0: the
principal axes then lie along x and y.
"""

import torch
from torch import Tensor

from mnist_mlp.data.resampling import affine_basis, resample

# The largest slope that is corrected: 45 degrees. 92 of the 60,000 training digits lean more, most of them flat 5s
# without an axis near the vertical.
STEEPEST = 1.0
LEAST_VARIANCE = 1 / 12  # square pixels: the variance of y in a line one pixel high


def deskewing(images: Tensor) -> Tensor:
    """Return the coefficients that make each digit upright about its centre of mass (data/resampling.py).

    Args:
        images: (N, 28, 28), 0 is paper. An empty image stays as it is.

    Returns:
        (N, 2, 3) float32. The source of the pixel at (x, y) is (x + slope (y - ȳ), y), with ȳ the mean y of the ink.
    """
    ink = images.flatten(1).float()
    constant, x, y = affine_basis(images.device)
    mass, sum_x, sum_y, sum_xy, sum_yy = (ink @ torch.stack([constant, x, y, x * y, y * y]).T).unbind(dim=1)
    mass = mass.clamp_min(1e-6)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    covariance = sum_xy / mass - mean_x * mean_y
    variance = (sum_yy / mass - mean_y.square()).clamp_min(LEAST_VARIANCE)
    slope = (covariance / variance).clamp(-STEEPEST, STEEPEST)
    zero, one = torch.zeros_like(slope), torch.ones_like(slope)
    return torch.stack([-slope * mean_y, one, slope, zero, zero, one], dim=1).view(-1, 2, 3)


def deskewed(images: Tensor) -> Tensor:
    """Make each digit upright: (N, 28, 28) of any dtype, 0 is paper -> (N, 28, 28) float32 in the same units."""
    return resample(images, deskewing(images), affine_basis(images.device))
