"""TODO data.elastic."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_mlp.data.resampling import SIDE

# The modes left out would move a pixel by 3% of what the others do: 0.04 pixels with Simard's sigma and alpha.
KEPT_VARIANCE = 0.999


@lru_cache(maxsize=8)
def elastic_modes(sigma: float) -> Tensor:
    """Fields that, each multiplied by a standard normal number and summed, are blurred noise.

    White noise blurred along both axes is a Gaussian field with the covariance c(dx) c(dy), where c is the
    correlation of the 1-D Gaussian with itself. The eigenvectors of c, as a 28 x 28 matrix, and their outer products
    are its modes (Karhunen-Loève). As a blur leaves little but the long waves, a few of the 784 hold nearly all of
    the variance: 43 with Simard's σ = 4. The noise is one that goes on beyond the image, so that the field is as
    strong at its border as in its middle.

    Args:
        sigma: of the Gaussian, pixels; it is cut off at 4 σ and sums to 1.

    Returns:
        (K, 784) float32, for noise of variance 1/3, that of uniform numbers from -1 to 1.
    """
    radius = math.ceil(4 * sigma)
    t = torch.arange(-radius, radius + 1, dtype=torch.float64)
    blur = torch.exp(-t.square() / (2 * sigma**2))
    blur = F.pad(blur / blur.sum(), (0, SIDE))
    covariance = torch.stack([blur @ blur.roll(d) for d in range(SIDE)])
    place = torch.arange(SIDE)
    variance, mode = torch.linalg.eigh(covariance[(place[:, None] - place).abs()])
    # An eigenvector's sign is arbitrary, but the same seed shall give the same field everywhere.
    mode = torch.where(mode[0] < 0, -mode, mode)

    variances = (variance.clamp_min(0)[:, None] * variance.clamp_min(0)).flatten()
    largest_first = variances.sort(descending=True).values
    enough = int((largest_first.cumsum(0) < KEPT_VARIANCE * variances.sum()).sum())
    keep = variances >= largest_first[enough]
    modes = torch.einsum("yk,xl->klyx", mode, mode).reshape(SIDE * SIDE, SIDE * SIDE)
    scaled: Tensor = modes[keep] * (variances[keep, None] / 3).sqrt()
    return scaled.float()
