"""The deskewed images of a split, made once, because they are the same in every epoch.

Augmentation does without them: it composes its maps with the deskewing, so that pixels are interpolated once.
"""

import torch
from torch import Tensor

from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewed

AT_ONCE = 1_024  # images; their memory fits into a CPU's cache


class UprightImages:
    """The deskewed images of a split, as float32: 172 MB for MNIST's 55,000 training images.

    Args:
        examples: all images of the data set.
        indices: (N,) int64, the examples of the split, on the device of the images.
    """

    def __init__(self, examples: Examples, indices: Tensor) -> None:
        parts = [deskewed(examples.images.index_select(0, part)) for part in indices.split(AT_ONCE)]
        self._images = torch.cat(parts) if parts else examples.images[:0].float()
        self._place = torch.full((len(examples.images),), -1, device=indices.device)
        self._place[indices] = torch.arange(len(indices), device=indices.device)

    def index_select(self, indices: Tensor) -> Tensor:
        """Return the deskewed images of examples of the split: (B,) int64 -> (B, 28, 28) float32."""
        return self._images.index_select(0, self._place.index_select(0, indices))
