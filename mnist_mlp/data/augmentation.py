"""Deformed training images: rotated, scaled, sheared, shifted, and elastically distorted, whole batches at once.

The source coordinates of each pixel are coefficients, drawn at random, times a basis of 28 x 28 fields
(mnist_mlp/resampling.py). The fields 1, x and y make the affine part; the smooth fields of `elastic_modes` make the
elastic distortion.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from mnist_mlp.checks import check_range
from mnist_mlp.data.elastic import elastic_modes
from mnist_mlp.data.resampling import affine_basis, compose, resample
from mnist_mlp.errors import InputError

MIN_SIGMA, MAX_SIGMA = 0.1, 100.0  # pixels that move each on its own; an image that moves as a whole


@dataclass(frozen=True)
class Augmentation:
    """How much images are deformed at most; each 0 leaves that kind out.

    An image is scaled, sheared, rotated, shifted, in this order and about its centre, each by an amount of its own
    that is uniform within the bounds given here; then the elastic field moves its pixels.

    Args:
        rotation: degrees, to either side.
        rotation_of: the same for single digits, by their label; {1: 7.5, 7: 7.5} lets a 1 and a 7 turn less, as Ciresan
            et al. 2010 do. The others turn by `rotation`.
        scaling: by a factor of 1 - scaling to 1 + scaling, of width and height each.
        shear: horizontal; degrees by which upright strokes lean, to either side.
        shift: pixels, to the left or right and up or down each.
        elastic_alpha: Simard's α, pixels. Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural
            Networks Applied to Visual Document Analysis" (2003), draw a displacement from -1 to 1 for every pixel
            and axis, blur them by a Gaussian of standard deviation σ and multiply them by α. The Gaussian here sums
            to 1, so that a pixel moves by α / (2 σ sqrt(3π)) in standard deviation (to 1%, from σ = 1 on): 1.4
            pixels along each axis with their α = 34, σ = 4.
        elastic_sigma: their σ, pixels: how far the field is smooth.

    Raises:
        InputError: a setting is out of range.
    """

    rotation: float = 0.0
    scaling: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic_alpha: float = 0.0
    elastic_sigma: float = 4.0
    rotation_of: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_range("rotation", self.rotation, self.rotation <= 180, "degrees from 0 to 180")
        for digit, degrees in self.rotation_of.items():
            if digit not in range(10):
                raise InputError(f"rotation_of names {digit!r}; name digits from 0 to 9, such as {{1: 7.5, 7: 7.5}}.")
            check_range(f"rotation_of {digit}", degrees, degrees <= 180, "degrees from 0 to 180")
        check_range("scaling", self.scaling, self.scaling < 1, "a fraction from 0 to below 1, such as 0.1")
        check_range("shear", self.shear, self.shear < 90, "degrees from 0 to below 90")
        check_range("shift", self.shift, True, "pixels, 0 or more")
        check_range("elastic_alpha", self.elastic_alpha, True, "pixels, 0 or more; Simard's is 34")
        sigma = self.elastic_sigma
        check_range("elastic_sigma", sigma, sigma <= MAX_SIGMA, f"pixels up to {MAX_SIGMA:.0f}; Simard's is 4")
        if self.elastic_alpha > 0 and sigma < MIN_SIGMA:
            raise InputError(f"elastic_sigma is {sigma}; with elastic_alpha, give {MIN_SIGMA} or more; Simard's is 4.")

    @property
    def off(self) -> bool:
        """Whether images stay as they are."""
        turned = self.rotation or any(self.rotation_of.values())
        return not (turned or self.scaling or self.shear or self.shift or self.elastic_alpha)

    def times(self, strength: float) -> "Augmentation":
        """The same, so much stronger or weaker; every digit alike."""
        return Augmentation(
            rotation=self.rotation * strength,
            scaling=self.scaling * strength,
            shear=self.shear * strength,
            shift=self.shift * strength,
            elastic_alpha=self.elastic_alpha * strength,
            elastic_sigma=self.elastic_sigma,
        )

    def __call__(
        self, images: Tensor, labels: Tensor, generator: torch.Generator, before: Tensor | None = None
    ) -> Tensor:
        """Deform each image in its own way.

        Args:
            images: (N, 28, 28) uint8 or float32, 0 the paper.
            labels: (N,) int64, the digits.
            generator: where the random numbers come from, on the images' device.
            before: (N, 2, 3), the coefficients of an affine map that the images are to be shown by before that.

        Returns:
            (N, 28, 28) float32 in the same units.
        """
        coefficients = self.draw(labels, generator)
        if before is not None:
            coefficients = compose(before, coefficients)
        return resample(images, coefficients, self.basis(images.device))

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """(N, 2, K) random coefficients for images of these digits, along x and along y."""
        n = len(labels)
        rotation = torch.full((n,), self.rotation, device=labels.device)
        for digit, degrees in self.rotation_of.items():
            rotation.masked_fill_(labels == digit, degrees)
        uniform = torch.rand(6, n, generator=generator, device=generator.device, dtype=torch.float32) * 2 - 1
        coefficients = affine(
            rotation=uniform[0] * rotation,
            scale=1 + uniform[1:3] * self.scaling,
            shear=uniform[3] * self.shear,
            shift=uniform[4:6] * self.shift,
        )
        if not self.elastic_alpha:
            return coefficients
        # A sum of hundreds of uniform numbers is normal to good approximation.
        modes = len(elastic_modes(self.elastic_sigma))
        normal = torch.randn(n, 2, modes, generator=generator, device=generator.device, dtype=torch.float32)
        return torch.cat([coefficients, normal], dim=2)

    def basis(self, device: torch.device) -> Tensor:
        """(K, 784) the fields that the coefficients multiply, in pixels."""
        return _basis(self.elastic_alpha, self.elastic_sigma, device)


def affine(rotation: Tensor, scale: Tensor, shear: Tensor, shift: Tensor) -> Tensor:
    """The coefficients of the fields 1, x and y that scale, shear, rotate and shift images, in this order.

    What a deformed image shows at p comes from A^-1 (p - shift), where A = rotation · shear · scale.

    Args:
        rotation: (N,) degrees, counter-clockwise.
        scale: (2, N) factors of width and height.
        shear: (N,) degrees by which upright strokes lean to the right.
        shift: (2, N) pixels to the right and down.

    Returns:
        (N, 2, 3) for each image and source coordinate, x and y.
    """
    angle, lean = torch.deg2rad(rotation), torch.deg2rad(shear)
    cos, sin, tan = angle.cos(), angle.sin(), lean.tan()
    from_x = torch.stack([cos + tan * sin, sin]) / scale
    from_y = torch.stack([tan * cos - sin, cos]) / scale
    constant = -(from_x * shift[0] + from_y * shift[1])
    return torch.stack([constant, from_x, from_y]).permute(2, 1, 0)


@lru_cache(maxsize=8)
def _basis(alpha: float, sigma: float, device: torch.device) -> Tensor:
    """(K, 784) the fields 1, x, y and, with an elastic distortion, α times its modes."""
    fields = affine_basis(device)
    if alpha:
        fields = torch.cat([fields, alpha * elastic_modes(sigma).to(device)])
    return fields
