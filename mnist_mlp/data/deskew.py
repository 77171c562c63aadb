"""Deskewing: slanted digits are made upright before the net sees them, in training and in use.

The MNIST page says how LeCun et al. (1998) did it: "computing the principal axis of the shape that is closest to the
vertical, and shifting the lines so as to make it vertical". Lines of pixels that are shifted in proportion to their
height are a shear. Of all shears it is the one that takes away the covariance of x and y over the digit's ink, for
then its principal axes lie along x and y.
"""

import torch
from torch import Tensor

from mnist_mlp.data.resampling import affine_basis, resample

# 45 degrees. Of 60,000 training digits 92 lean more, most of them 5s like dashes, with no axis near the vertical.
STEEPEST = 1.0
LEAST_VARIANCE = 1 / 12  # square pixels: that of a line one pixel high


def deskewing(images: Tensor) -> Tensor:
    """The coefficients with which mnist_mlp/resampling.py shows each digit upright; its centre of mass stays.

    Args:
        images: (N, 28, 28), 0 the paper; an empty one stays as it is.

    Returns:
        (N, 2, 3) float32: the line at height y shows x + slope (y - ȳ).
    """
    ink = images.flatten(1).float()
    one, x, y = affine_basis(images.device)
    mass, sum_x, sum_y, sum_xy, sum_yy = (ink @ torch.stack([one, x, y, x * y, y * y]).T).unbind(dim=1)
    mass = mass.clamp_min(1e-6)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    covariance = sum_xy / mass - mean_x * mean_y
    variance = (sum_yy / mass - mean_y.square()).clamp_min(LEAST_VARIANCE)
    slope = (covariance / variance).clamp(-STEEPEST, STEEPEST)
    none, same = torch.zeros_like(slope), torch.ones_like(slope)
    return torch.stack([-slope * mean_y, same, slope, none, none, same], dim=1).view(-1, 2, 3)


def deskewed(images: Tensor) -> Tensor:
    """(N, 28, 28) of any dtype, 0 the paper -> (N, 28, 28) float32 in the same units, each digit upright."""
    return resample(images, deskewing(images), affine_basis(images.device))
