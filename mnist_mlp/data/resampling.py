"""Images shown from other coordinates: what is common to deforming and to deskewing them, for whole batches at once.

Each pixel of a new image shows what its source coordinates point at in the old one. They are one matrix product: the
coefficients of each image times a basis of 28 x 28 fields that all images share, of which the first are 1, x and y.

Coordinates are pixels from the image's centre, x to the right and y down.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 28
# With the sides a power of two, whole pixels survive float32 exactly on the way to grid_sample's -1..1 and back.
PADDED_SIDE = 32


def affine_basis(device: torch.device) -> Tensor:
    """(3, 784) the fields 1, x and y.

    They are not kept: what is made while an exporter looks on is no tensor to be used afterwards.
    """
    axis = torch.arange(SIDE, dtype=torch.float32, device=device) - (SIDE - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([torch.ones_like(x), x, y]).flatten(1)


def resample(images: Tensor, coefficients: Tensor, basis: Tensor) -> Tensor:
    """Show at each pixel what its source coordinates point at, bilinearly between the pixels there; 0 outside.

    Args:
        images: (N, 28, 28).
        coefficients: (N, 2, K), for the source coordinates x and y.
        basis: (K, 784).

    Returns:
        (N, 28, 28) float32.
    """
    margin = (PADDED_SIDE - SIDE) // 2
    padded = F.pad(images, (margin, margin, margin, margin)).float()
    # grid_sample's coordinates are -1 and 1 at the outer edges of the padded image.
    source = coefficients.flatten(0, 1) @ (basis / (PADDED_SIDE / 2))
    # Its kernel for CPUs takes this permuted view as it is.
    grid = source.view(-1, 2, SIDE, SIDE).permute(0, 2, 3, 1)
    return F.grid_sample(padded[:, None], grid, mode="bilinear", padding_mode="zeros", align_corners=False)[:, 0]


def compose(first: Tensor, second: Tensor) -> Tensor:
    """The coefficients that show at once what an image shows that is resampled by `first`, and that by `second`.

    Args:
        first: (N, 2, 3), those of an affine map.
        second: (N, 2, K).

    Returns:
        (N, 2, K).
    """
    both = first[:, :, 1:] @ second
    both[:, :, 0] += first[:, :, 0]
    return both
