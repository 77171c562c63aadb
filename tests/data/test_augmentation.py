"""Augmentation: each kind of change does what its equation says, by random amounts within the bounds."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from tests.data.helpers import ALL, bilinear, generator, transform_by, zeros


def test_without_augmentation_images_do_not_change(images: Tensor) -> None:
    """They are equal bit for bit, as uint8 and as float32."""
    assert transform_by(images).equal(images.float())
    assert Augmentation().off
    assert Augmentation()(images, zeros(20), generator()).equal(images.float())
    assert Augmentation()(images / 255, zeros(20), generator()).equal(images / 255)


@pytest.mark.parametrize(("right", "down"), [(2, 0), (0, 3), (-4, 1), (5, -6), (27, 0), (40, 0)])
def test_shift_by_whole_pixels_is_exact(images: Tensor, right: int, down: int) -> None:
    moved = torch.zeros(len(images), 28, 28)
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                moved[:, row, column] = images[:, row - down, column - right].float()
    assert transform_by(images, shift=(float(right), float(down))).equal(moved)


@pytest.mark.parametrize(
    ("rotation", "scale", "shear", "shift"),
    [
        (25.0, 1.0, 0.0, (0.0, 0.0)),
        (-40.0, 1.0, 0.0, (0.0, 0.0)),
        (0.0, 1.3, 0.0, (0.0, 0.0)),
        (0.0, 1.0, 20.0, (0.0, 0.0)),
        (0.0, 1.0, 0.0, (1.5, -2.25)),
        (15.0, 0.8, -12.0, (3.0, 1.0)),
    ],
)
def test_affine_maps_match_torchvision(
    images: Tensor, rotation: float, scale: float, shear: float, shift: tuple[float, float]
) -> None:
    """Direction, centre and order are the same, but torchvision's `affine` counts angles clockwise."""
    with_channel = images[:, None].float()
    ours = transform_by(images, rotation, (scale, scale), shear, shift)
    theirs = TF.affine(
        with_channel, -rotation, list(shift), scale, [shear, 0.0], interpolation=InterpolationMode.BILINEAR
    )
    torch.testing.assert_close(ours, theirs[:, 0], rtol=0, atol=0.01)
    if (scale, shear, shift) == (1.0, 0.0, (0.0, 0.0)):
        rotated = TF.rotate(with_channel, rotation, interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(ours, rotated[:, 0], rtol=0, atol=0.01)


@settings(max_examples=15, deadline=None)
@given(
    rotation=st.floats(-180, 180, width=32),
    scale=st.tuples(st.floats(0.5, 2, width=32), st.floats(0.5, 2, width=32)),
    shear=st.floats(-45, 45, width=32),
    shift=st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32)),
    which=st.integers(0, 19),
)
def test_affine_maps_match_the_equations(
    images: Tensor,
    rotation: float,
    scale: tuple[float, float],
    shear: float,
    shift: tuple[float, float],
    which: int,
) -> None:
    """Check single pixels against plain matrices that scale, shear, rotate and shift about the centre."""
    made = transform_by(images[which : which + 1], rotation, scale, shear, shift)[0]
    r, lean = math.radians(rotation), math.tan(math.radians(shear))
    turn = np.array([[math.cos(r), math.sin(r)], [-math.sin(r), math.cos(r)]])  # counter-clockwise as y points down
    back = np.linalg.inv(turn @ np.array([[1, -lean], [0, 1]]) @ np.diag(scale))
    pixels = images[which].double().numpy()
    for row, column in [(r, c) for r in range(1, 28, 5) for c in range(1, 28, 5)]:
        x, y = back @ (np.array([column - 13.5, row - 13.5]) - np.array(shift)) + 13.5
        assert float(made[row, column]) == pytest.approx(bilinear(pixels, x, y), abs=0.02)


def test_every_amount_is_uniform_within_its_bounds() -> None:
    """Each kind is turned on alone; its amounts are recovered from the coefficients of 4,000 images."""
    n = 4000

    def drawn(**kind: Any) -> Tensor:
        return Augmentation(**kind).draw(zeros(n), generator(1)).double()

    rotated, scaled, sheared, shifted = drawn(rotation=20.0), drawn(scaling=0.3), drawn(shear=10.0), drawn(shift=3.0)
    amounts = {
        "rotation": torch.rad2deg(torch.atan2(rotated[:, 1, 1], rotated[:, 1, 2])) / 20,
        "width": (1 / scaled[:, 0, 1] - 1) / 0.3,
        "height": (1 / scaled[:, 1, 2] - 1) / 0.3,
        "shear": torch.rad2deg(sheared[:, 0, 2].atan()) / 10,
        "right": -shifted[:, 0, 0] / 3,
        "down": -shifted[:, 1, 0] / 3,
    }
    even = (torch.arange(n, dtype=torch.float64) + 0.5) / n * 2 - 1
    for name, values in amounts.items():
        # The Kolmogorov-Smirnov statistic of a uniform sample of this size exceeds 0.03 with a probability of 0.001.
        assert (values.sort().values - even).abs().max() / 2 < 0.03, name
    # All were drawn with one seed, and yet they are independent.
    correlation = torch.corrcoef(torch.stack(list(amounts.values()))).fill_diagonal_(0)
    assert correlation.abs().max() < 0.06


def test_rotation_of_single_digits(mnist: tuple[Examples, Examples]) -> None:
    """`rotation_of` uses the same random numbers as `rotation`, so that nothing else changes."""
    labels = mnist[0].labels[:2_000]

    def angles(**settings: Any) -> Tensor:
        rotated = Augmentation(**settings).draw(labels, generator(2)).double()
        return torch.rad2deg(torch.atan2(rotated[:, 1, 1], rotated[:, 1, 2]))

    same, by_digit = angles(rotation=15.0), angles(rotation=15.0, rotation_of={1: 7.5, 7: 0.0})
    share = torch.ones(10, dtype=torch.float64)
    share[1], share[7] = 0.5, 0.0
    torch.testing.assert_close(by_digit, same * share[labels], rtol=1e-5, atol=1e-5)
    assert not Augmentation(rotation_of={1: 7.5}).off
    assert Augmentation(rotation_of={1: 0.0}).off


def test_units_and_range(images: Tensor) -> None:
    made = ALL(images, zeros(20), generator())
    assert (made.shape, made.dtype) == (images.shape, torch.float32)
    assert made.min() >= 0
    assert 200 < made.max() <= 255.001  # float32's rounding
    assert made.mean().item() == pytest.approx(images.float().mean().item(), rel=0.1)  # hardly any ink is lost


def test_equal_images_are_augmented_differently(images: Tensor) -> None:
    made = ALL(images[:1].repeat(50, 1, 1), zeros(50), generator())
    assert len({one.numpy().tobytes() for one in made}) == 50


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rotation": -5.0}, "rotation is -5.0; give degrees"),
        ({"rotation": math.nan}, "rotation is nan"),
        ({"rotation": 181.0}, "rotation is 181"),
        ({"rotation_of": {7: -7.5}}, "rotation_of 7 is -7.5; give degrees"),
        ({"rotation_of": {10: 7.5}}, "rotation_of names 10; name digits from 0 to 9"),
        ({"scaling": 1.0}, "scaling is 1.0; give a fraction"),
        ({"scaling": -0.1}, "scaling is -0.1"),
        ({"shear": 90.0}, "shear is 90.0"),
        ({"shift": -1.0}, "shift is -1.0; give pixels"),
        ({"shift": math.inf}, "shift is inf"),
        ({"elastic_alpha": -34.0}, "elastic_alpha is -34.0"),
        ({"elastic_alpha": math.nan}, "elastic_alpha is nan"),
        ({"elastic_sigma": -4.0}, "elastic_sigma is -4.0"),
        ({"elastic_sigma": 1e9}, "elastic_sigma is 1000000000.0; give pixels up to 100"),
        ({"elastic_alpha": 34.0, "elastic_sigma": 0.0}, "elastic_sigma is 0.0; with elastic_alpha"),
    ],
)
def test_out_of_range(settings: dict[str, Any], words: str) -> None:
    """The error is one sentence. No file is read before it."""
    with pytest.raises(InputError, match=words) as error:
        MNISTData(**settings)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")
