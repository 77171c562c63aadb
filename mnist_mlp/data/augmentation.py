"""Augmentation: rotate, scale, shear, shift and elastically distort whole batches of images at random.

The source coordinates of the pixels are random coefficients times a basis of fields (data/resampling.py). The fields
1, x and y make the affine part. The smooth fields of data/elastic.py make the elastic distortion.
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

# Limits of σ. Below, every pixel moves on its own; above, the image moves as a whole.
MIN_SIGMA, MAX_SIGMA = 0.1, 100.0


@dataclass(frozen=True)
class Augmentation:
    """The largest amount of each kind of change. 0 turns a kind off.

    An image is scaled, sheared, rotated and shifted, in this order and about its centre. Each amount is drawn for each
    image separately, uniformly between its bounds. Then the elastic field moves the pixels.

    The elastic field follows Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis" (2003). They draw a displacement from -1 to 1 for each pixel and axis, blur the
    displacements with a Gaussian of standard deviation σ and multiply them by α. The Gaussian here sums to 1. The
    displacement along each axis then has the standard deviation α / (2 σ sqrt(3π)) (within 1% for σ ≥ 1): 1.4 pixels
    with their α = 34, σ = 4.

    Args:
        rotation: degrees, in both directions.
        scaling: a fraction. Width and height are each multiplied by a factor from 1 - scaling to 1 + scaling.
        shear: degrees by which upright strokes lean, in both directions.
        shift: pixels, along each axis and in both directions.
        elastic_alpha: α of the elastic field, in pixels.
        elastic_sigma: σ of the elastic field, in pixels. The larger it is, the smoother the field.
        rotation_of: degrees for single digits, which replace `rotation`. {1: 7.5, 7: 7.5} rotates a 1 and a 7 less, as
            Cireşan et al. 2010 do.

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
        """Whether all kinds of change are turned off."""
        rotation = self.rotation or any(self.rotation_of.values())
        return not (rotation or self.scaling or self.shear or self.shift or self.elastic_alpha)

    def times(self, strength: float) -> "Augmentation":
        """Return the augmentation with all amounts multiplied by `strength`. `rotation_of` is dropped."""
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
        """Change each image at random.

        Args:
            images: (N, 28, 28) uint8 or float32, 0 is paper.
            labels: (N,) int64, the digits.
            generator: the source of the random numbers, on the images' device.
            before: (N, 2, 3), the coefficients of an affine map that is applied to the images first.

        Returns:
            (N, 28, 28) float32 in the same units.
        """
        coefficients = self.draw(labels, generator)
        if before is not None:
            coefficients = compose(before, coefficients)
        return resample(images, coefficients, self.basis(images.device))

    def draw(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the coefficients of the source coordinates x and y, (N, 2, K), for images of these digits."""
        n = len(labels)
        rotation = torch.full((n,), self.rotation, device=labels.device)
        for digit, degrees in self.rotation_of.items():
            rotation.masked_fill_(labels == digit, degrees)
        uniform = torch.rand(6, n, generator=generator, device=labels.device, dtype=torch.float32) * 2 - 1
        coefficients = affine(
            rotation=uniform[0] * rotation,
            scale=1 + uniform[1:3] * self.scaling,
            shear=uniform[3] * self.shear,
            shift=uniform[4:6] * self.shift,
        )
        if not self.elastic_alpha:
            return coefficients
        # A sum of hundreds of uniform numbers is approximately normal.
        modes = len(elastic_modes(self.elastic_sigma))
        normal = torch.randn(n, 2, modes, generator=generator, device=labels.device, dtype=torch.float32)
        return torch.cat([coefficients, normal], dim=2)

    def basis(self, device: torch.device) -> Tensor:
        """Return the fields that the coefficients multiply, (K, 784), in pixels."""
        return _basis(self.elastic_alpha, self.elastic_sigma, device)


def affine(rotation: Tensor, scale: Tensor, shear: Tensor, shift: Tensor) -> Tensor:
    """Return the coefficients of the fields 1, x and y that scale, shear, rotate and shift images, in this order.

    The source coordinates of the place p are A^-1 (p - shift), where A = rotation · shear · scale.

    Args:
        rotation: (N,), degrees counter-clockwise.
        scale: (2, N), the factors of width and height.
        shear: (N,), degrees by which upright strokes lean to the right.
        shift: (2, N), pixels to the right and down.

    Returns:
        (N, 2, 3), of the source coordinates x and y.
    """
    angle, lean = torch.deg2rad(rotation), torch.deg2rad(shear)
    cos, sin, tan = angle.cos(), angle.sin(), lean.tan()
    from_x = torch.stack([cos + tan * sin, sin]) / scale
    from_y = torch.stack([tan * cos - sin, cos]) / scale
    constant = -(from_x * shift[0] + from_y * shift[1])
    return torch.stack([constant, from_x, from_y]).permute(2, 1, 0)


@lru_cache(maxsize=8)
def _basis(alpha: float, sigma: float, device: torch.device) -> Tensor:
    """Return the fields 1, x and y and, if α is not 0, α times the elastic modes: (K, 784)."""
    fields = affine_basis(device)
    if alpha:
        fields = torch.cat([fields, alpha * elastic_modes(sigma).to(device)])
    return fields
