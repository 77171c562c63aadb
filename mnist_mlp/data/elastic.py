"""Random fields for elastic distortions, as in Simard, Steinkraus, Platt 2003 (data/augmentation.py).

They blur noise with a Gaussian to get a smooth displacement field for each image. Here the blurred noise is drawn
directly, as a sum of a few smooth modes with random coefficients.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_mlp.data.resampling import SIDE

# The modes that are left out would move a pixel by 3% of what the others do: 0.04 pixels with Simard's σ and α.
KEPT_VARIANCE = 0.999


@lru_cache(maxsize=8)
def elastic_modes(sigma: float) -> Tensor:
    """Return the modes of blurred noise: multiplied by standard normal numbers and summed, they are such noise.

    White noise blurred along both axes is a Gaussian field with the covariance c(dx) c(dy), where c is the
    autocorrelation of the 1-D Gaussian kernel. Its modes (Karhunen-Loève) are the outer products of the eigenvectors of
    c as a 28 x 28 matrix. A blur removes short waves, so that a few of the 784 modes hold nearly all of the variance:
    43 with Simard's σ = 4. The noise continues outside the image, so that the field is as strong at the border as in
    the middle.

    Args:
        sigma: σ of the Gaussian kernel, in pixels. The kernel is cut off at 4 σ and sums to 1.

    Returns:
        (K, 784) float32, scaled for noise of variance 1/3, the variance of uniform numbers from -1 to 1.
    """
    radius = math.ceil(4 * sigma)
    t = torch.arange(-radius, radius + 1, dtype=torch.float64)
    blur = torch.exp(-t.square() / (2 * sigma**2))
    blur = F.pad(blur / blur.sum(), (0, SIDE))
    covariance = torch.stack([blur @ blur.roll(d) for d in range(SIDE)])
    place = torch.arange(SIDE)
    variance, mode = torch.linalg.eigh(covariance[(place[:, None] - place).abs()])
    # The sign of an eigenvector is arbitrary. It is fixed here, so that a seed gives the same field everywhere.
    mode = torch.where(mode[0] < 0, -mode, mode)

    variances = (variance.clamp_min(0)[:, None] * variance.clamp_min(0)).flatten()
    largest_first = variances.sort(descending=True).values
    enough = int((largest_first.cumsum(0) < KEPT_VARIANCE * variances.sum()).sum())
    keep = variances >= largest_first[enough]
    modes = torch.einsum("yk,xl->klyx", mode, mode).reshape(SIDE * SIDE, SIDE * SIDE)
    scaled: Tensor = modes[keep] * (variances[keep, None] / 3).sqrt()
    return scaled.float()
