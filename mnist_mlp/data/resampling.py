"""Geometric transformations of whole batches of images. Augmentation and deskewing are both built on them.

Each pixel of the new image has source coordinates: the place in the old image from which its value is taken. The
source coordinates of a batch are one matrix product, the coefficients of each image times a basis of fields (28 x 28
numbers each) that all images share. The first three fields are 1, x and y, which make affine maps.

Coordinates are in pixels from the image's centre, x to the right and y down.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 28
# grid_sample takes coordinates from -1 to 1. Whole pixels convert exactly to these and back where the side is a power
# of two.
PADDED_SIDE = 32


def affine_basis(device: torch.device) -> Tensor:
    """Return the fields 1, x and y, (3, 784).

    They are not cached: a tensor made while torch.export traces the net could not be used outside the trace.
    """
    axis = torch.arange(SIDE, dtype=torch.float32, device=device) - (SIDE - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([torch.ones_like(x), x, y]).flatten(1)


def resample(images: Tensor, coefficients: Tensor, basis: Tensor) -> Tensor:
    """Take each pixel from its source coordinates, by bilinear interpolation; 0 outside the image.

    Args:
        images: (N, 28, 28) of any dtype, 0 is paper.
        coefficients: (N, 2, K), of the source coordinates x and y.
        basis: (K, 784), the fields.

    Returns:
        (N, 28, 28) float32.
    """
    margin = (PADDED_SIDE - SIDE) // 2
    padded = F.pad(images, (margin, margin, margin, margin)).float()
    # In grid_sample's coordinates, the outer edges of the padded image are at -1 and 1.
    source = coefficients.flatten(0, 1) @ (basis / (PADDED_SIDE / 2))
    # The permuted view needs no copy: the CPU kernel of grid_sample accepts it.
    grid = source.view(-1, 2, SIDE, SIDE).permute(0, 2, 3, 1)
    return F.grid_sample(padded[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


def compose(first: Tensor, second: Tensor) -> Tensor:
    """Return the coefficients of two maps in one: `first`, then `second`. Resampling once blurs less than twice.

    Args:
        first: (N, 2, 3), the coefficients of an affine map.
        second: (N, 2, K), the coefficients of any map.

    Returns:
        (N, 2, K).
    """
    both = first[:, :, 1:] @ second
    both[:, :, 0] += first[:, :, 0]
    return both
