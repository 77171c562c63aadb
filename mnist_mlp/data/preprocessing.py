"""TODO data.preprocessing."""

from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.deskew import deskewed, deskewing


class Preprocessing(NamedTuple):
    """From images of MNIST's form to the input neurons' activations: activation = byte * factor + offset.

    deskew: whether digits are made upright first (mnist_mlp/deskew.py).
    """

    factor: float = 1 / 255  # the article's: 0 is paper, 1 is ink
    offset: float = 0.0
    deskew: bool = False

    @classmethod
    def between(cls, paper: float, ink: float) -> "Preprocessing":
        """Those where paper and ink have these activations."""
        return cls(factor=(ink - paper) / 255, offset=paper)

    @classmethod
    def normalising(cls, images: Tensor) -> "Preprocessing":
        """Those where `images` (uint8, any shape) have mean 0 and standard deviation 1."""
        counts = torch.bincount(images.flatten(), minlength=256).double()
        values = torch.arange(256, dtype=torch.float64)
        mean = (counts @ values) / counts.sum()
        std = ((counts @ (values - mean).square()) / counts.sum()).sqrt().clamp_min(1e-6)
        return cls(factor=float(1 / std), offset=float(-mean / std))

    @property
    def paper(self) -> float:
        """The activation of a pixel that shows paper."""
        return self.offset

    @property
    def ink(self) -> float:
        """The activation of a pixel that shows nothing but ink."""
        return 255 * self.factor + self.offset

    def __call__(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """(B, 28, 28) uint8 -> (B, 784) float32, in `out` if that is given."""
        return self._scaled(self.upright(images), out)

    def upright(self, images: Tensor) -> Tensor:
        """(B, 28, 28) the images as the net gets them, still from 0 to 255; float32 where they are deskewed."""
        return deskewed(images) if self.deskew else images

    def augmented(
        self, images: Tensor, labels: Tensor, augmentation: Augmentation, generator: torch.Generator
    ) -> Tensor:
        """The same for images that are deformed, each in its own way, after they were made upright."""
        return self._scaled(augmentation(images, labels, generator, deskewing(images) if self.deskew else None))

    def _scaled(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        images = images.flatten(1)
        out = torch.empty_like(images, dtype=torch.float32) if out is None else out
        return out.copy_(images).mul_(self.factor).add_(self.offset)
