"""Preprocessing: from the images' bytes to the activations of the input neurons.

Every image goes through it, in training, validation, test and use. A trained net keeps it in its file.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.deskew import deskewed, deskewing


class Preprocessing(NamedTuple):
    """A linear map of the pixels, activation = factor * byte + offset, after an optional deskewing.

    factor: the default, 1/255, is the article's: paper becomes 0 and ink becomes 1.
    offset: the activation of paper.
    deskew: make the digits upright first (data/deskew.py).
    """

    factor: float = 1 / 255
    offset: float = 0.0
    deskew: bool = False

    @classmethod
    def between(cls, paper: float, ink: float) -> "Preprocessing":
        """Return the preprocessing that gives paper and ink these activations."""
        return cls(factor=(ink - paper) / 255, offset=paper)

    @classmethod
    def normalising(cls, images: Tensor) -> "Preprocessing":
        """Return the preprocessing that gives `images` (uint8, any shape) mean 0 and standard deviation 1."""
        counts = torch.bincount(images.flatten(), minlength=256).double()
        values = torch.arange(256, dtype=torch.float64)
        mean = (counts @ values) / counts.sum()
        std = ((counts @ (values - mean).square()) / counts.sum()).sqrt().clamp_min(1e-6)
        return cls(factor=float(1 / std), offset=float(-mean / std))

    @property
    def paper(self) -> float:
        """The activation of a pixel without ink."""
        return self.offset

    @property
    def ink(self) -> float:
        """The activation of a pixel full of ink."""
        return 255 * self.factor + self.offset

    def __call__(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        """Turn images into activations.

        Args:
            images: (B, 28, 28), from 0 (paper) to 255 (ink).
            out: (B, 784) float32, the memory to write to; None allocates it.

        Returns:
            (B, 784) float32.
        """
        return self._scaled(self.upright(images), out)

    def upright(self, images: Tensor) -> Tensor:
        """Return the images, deskewed if `deskew` is set.

        Args:
            images: (B, 28, 28), from 0 (paper) to 255 (ink).

        Returns:
            (B, 28, 28) in the same units. Deskewed images are float32; others keep their dtype.
        """
        return deskewed(images) if self.deskew else images

    def augmented(
        self, images: Tensor, labels: Tensor, augmentation: Augmentation, generator: torch.Generator
    ) -> Tensor:
        """Turn images into activations, with augmentation.

        Deskewing comes first. Its map and the augmentation's are composed, so that pixels are interpolated only once.

        Args:
            images: (B, 28, 28), from 0 (paper) to 255 (ink).
            labels: (B,) int64, the digits.
            augmentation: how to vary the images.
            generator: the source of the random numbers, on the images' device.

        Returns:
            (B, 784) float32.
        """
        return self._scaled(augmentation(images, labels, generator, deskewing(images) if self.deskew else None))

    def _scaled(self, images: Tensor, out: Tensor | None = None) -> Tensor:
        images = images.flatten(1)
        out = torch.empty_like(images, dtype=torch.float32) if out is None else out
        return out.copy_(images).mul_(self.factor).add_(self.offset)
