"""Deformed training images: what is asked for, as Simard et al. have it, new for every epoch, and nowhere else."""

import math
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as TF

from mnist_mlp.data.augmentation import Augmentation, affine
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.elastic import elastic_modes
from mnist_mlp.data.loader import AUGMENTED_AT_ONCE, AugmentedEpoch, Block, MiniBatches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.resampling import resample
from mnist_mlp.errors import InputError
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring.augmented_digits import ENLARGED, AugmentedDigits
from tests.command import QUIET

pytestmark = pytest.mark.usefixtures("read_once")

Array = npt.NDArray[np.float64]
CPU = torch.device("cpu")
SETTINGS: dict[str, Any] = {
    "rotation": 10.0,
    "scaling": 0.1,
    "shear": 5.0,
    "shift": 1.5,
    "elastic_alpha": 34.0,
    "elastic_sigma": 5.0,
    "rotation_of": {1: 5.0, 7: 0.0},
}
ALL = Augmentation(**SETTINGS)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def images(mnist: tuple[Examples, Examples]) -> Tensor:
    return mnist[0].images[:20]


def zeros(n: int) -> Tensor:
    """Labels, where they do not matter."""
    return torch.zeros(n, dtype=torch.int64)


def deform_by(
    images: Tensor,
    rotation: float = 0.0,
    scale: tuple[float, float] = (1.0, 1.0),
    shear: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Tensor:
    """All images by the same, known amounts."""
    n = len(images)
    coefficients = affine(
        rotation=torch.full((n,), rotation),
        scale=torch.tensor(scale)[:, None].expand(2, n),
        shear=torch.full((n,), shear),
        shift=torch.tensor(shift)[:, None].expand(2, n),
    )
    return resample(images, coefficients, Augmentation().basis(CPU))


def test_without_deformation_images_stay_as_they_are(images: Tensor) -> None:
    """To the bit, whether as bytes or as numbers."""
    assert deform_by(images).equal(images.float())
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
    assert deform_by(images, shift=(float(right), float(down))).equal(moved)


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
def test_as_torchvision_does_it(
    images: Tensor, rotation: float, scale: float, shear: float, shift: tuple[float, float]
) -> None:
    """Same direction, same centre, same order; torchvision's `affine` counts angles clockwise, its `rotate` as here."""
    as_theirs = images[:, None].float()
    ours = deform_by(images, rotation, (scale, scale), shear, shift)
    theirs = TF.affine(as_theirs, -rotation, list(shift), scale, [shear, 0.0], interpolation=InterpolationMode.BILINEAR)
    torch.testing.assert_close(ours, theirs[:, 0], rtol=0, atol=0.01)
    if (scale, shear, shift) == (1.0, 0.0, (0.0, 0.0)):
        turned = TF.rotate(as_theirs, rotation, interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(ours, turned[:, 0], rtol=0, atol=0.01)


def bilinear(image: Array, x: float, y: float) -> float:
    """The image at a place between its pixels, counted from its first; 0 outside."""
    total = 0.0
    for column in (math.floor(x), math.floor(x) + 1):
        for row in (math.floor(y), math.floor(y) + 1):
            if 0 <= row < 28 and 0 <= column < 28:
                total += image[row, column] * (1 - abs(x - column)) * (1 - abs(y - row))
    return total


@settings(max_examples=15, deadline=None)
@given(
    rotation=st.floats(-180, 180, width=32),
    scale=st.tuples(st.floats(0.5, 2, width=32), st.floats(0.5, 2, width=32)),
    shear=st.floats(-45, 45, width=32),
    shift=st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32)),
    which=st.integers(0, 19),
)
def test_each_pixel_comes_from_where_the_equations_say(
    images: Tensor,
    rotation: float,
    scale: tuple[float, float],
    shear: float,
    shift: tuple[float, float],
    which: int,
) -> None:
    """Scaled, sheared, rotated, shifted about the centre: by plain matrices, pixel by pixel."""
    made = deform_by(images[which : which + 1], rotation, scale, shear, shift)[0]
    r, lean = math.radians(rotation), math.tan(math.radians(shear))
    turn = np.array([[math.cos(r), math.sin(r)], [-math.sin(r), math.cos(r)]])  # counter-clockwise as y points down
    back = np.linalg.inv(turn @ np.array([[1, -lean], [0, 1]]) @ np.diag(scale))
    pixels = images[which].double().numpy()
    for row, column in [(r, c) for r in range(1, 28, 5) for c in range(1, 28, 5)]:
        x, y = back @ (np.array([column - 13.5, row - 13.5]) - np.array(shift)) + 13.5
        assert float(made[row, column]) == pytest.approx(bilinear(pixels, x, y), abs=0.02)


def field_of(augmentation: Augmentation, n: int, seed: int) -> Array:
    """(N, 2, 28, 28) how far the elastic part moves the pixels of n images, along x and along y."""
    coefficients, basis = augmentation.draw(zeros(n), generator(seed)), augmentation.basis(CPU)
    return (coefficients[:, :, 3:] @ basis[3:]).view(n, 2, 28, 28).double().numpy()


def test_the_elastic_field_moves_pixels_along_x_and_y(images: Tensor) -> None:
    """Each by the field at the place where it is shown, its first half along x, its second along y."""
    augmentation = Augmentation(elastic_alpha=34.0)
    field, made = field_of(augmentation, len(images), 3), augmentation(images, zeros(20), generator(3))
    for which in range(3):
        pixels = images[which].double().numpy()
        for row, column in [(r, c) for r in range(0, 28, 3) for c in range(0, 28, 3)]:
            x, y = column + field[which, 0, row, column], row + field[which, 1, row, column]
            assert float(made[which, row, column]) == pytest.approx(bilinear(pixels, x, y), abs=0.02)


def test_every_amount_is_uniform_within_its_bounds() -> None:
    """Each kind asked for alone, recovered from the coefficients of 4,000 images."""
    n = 4000

    def drawn(**kind: Any) -> Tensor:
        return Augmentation(**kind).draw(zeros(n), generator(1)).double()

    turned, scaled, sheared, shifted = drawn(rotation=20.0), drawn(scaling=0.3), drawn(shear=10.0), drawn(shift=3.0)
    amounts = {
        "rotation": torch.rad2deg(torch.atan2(turned[:, 1, 1], turned[:, 1, 2])) / 20,
        "width": (1 / scaled[:, 0, 1] - 1) / 0.3,
        "height": (1 / scaled[:, 1, 2] - 1) / 0.3,
        "shear": torch.rad2deg(sheared[:, 0, 2].atan()) / 10,
        "right": -shifted[:, 0, 0] / 3,
        "down": -shifted[:, 1, 0] / 3,
    }
    even = (torch.arange(n, dtype=torch.float64) + 0.5) / n * 2 - 1
    for name, values in amounts.items():
        # Kolmogorov and Smirnov's statistic of a uniform sample of this size is above 0.03 once in a thousand times.
        assert (values.sort().values - even).abs().max() / 2 < 0.03, name
    # One seed drew them all: they are different numbers, each with no bearing on the others.
    correlation = torch.corrcoef(torch.stack(list(amounts.values()))).fill_diagonal_(0)
    assert correlation.abs().max() < 0.06


def test_single_digits_turn_by_angles_of_their_own(mnist: tuple[Examples, Examples]) -> None:
    """By the same random numbers as the others, so that nothing else changes."""
    labels = mnist[0].labels[:2_000]

    def angles(**settings: Any) -> Tensor:
        turned = Augmentation(**settings).draw(labels, generator(2)).double()
        return torch.rad2deg(torch.atan2(turned[:, 1, 1], turned[:, 1, 2]))

    alike, own = angles(rotation=15.0), angles(rotation=15.0, rotation_of={1: 7.5, 7: 0.0})
    share = torch.ones(10, dtype=torch.float64)
    share[1], share[7] = 0.5, 0.0
    torch.testing.assert_close(own, alike * share[labels], rtol=1e-5, atol=1e-5)
    assert not Augmentation(rotation_of={1: 7.5}).off
    assert Augmentation(rotation_of={1: 0.0}).off


def blurred_noise(n: int, sigma: float) -> Array:
    """(n, 28, 28): uniform noise from -1 to 1, blurred by a Gaussian that sums to 1."""
    radius = 5 * math.ceil(sigma)
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    size = 28 + 2 * radius
    blur = np.stack([np.convolve(np.eye(size)[i], kernel, mode="valid") for i in range(size)])
    return np.asarray(blur.T @ np.random.default_rng(0).uniform(-1, 1, (n, size, size)) @ blur)


@pytest.mark.parametrize("sigma", [1.5, 4.0, 8.0])
def test_the_elastic_field_is_blurred_noise(sigma: float) -> None:
    """As strong, everywhere; as smooth; and as normal: as a direct blur of it, and as the closed form for that."""
    n, alpha = 1500, 34.0
    field = field_of(Augmentation(elastic_alpha=alpha, elastic_sigma=sigma), n, 5)
    x, y, expected = field[:, 0], field[:, 1], alpha * blurred_noise(n, sigma)
    std = alpha / (2 * sigma * math.sqrt(3 * math.pi))
    # The sample's own error: fields have few independent places, as little as three at σ = 8.
    for component in (x, y):
        assert component.std() == pytest.approx(expected.std(), rel=0.06)
        assert component.std() == pytest.approx(std, rel=0.04)
        assert component.mean() == pytest.approx(0, abs=4 * std / math.sqrt(n))
        # No weaker at the border and in the corners.
        assert component.std(axis=0) == pytest.approx(np.full((28, 28), std), rel=0.1)
        assert np.mean(component**4) / np.mean(component**2) ** 2 == pytest.approx(3, abs=0.3)
    for lag in (1, 2, 4, 8, 12):
        for one, other in (
            ((x[:, :, lag:], x[:, :, :-lag]), (expected[:, :, lag:], expected[:, :, :-lag])),
            ((y[:, lag:], y[:, :-lag]), (expected[:, lag:], expected[:, :-lag])),
        ):
            ours, theirs = (np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in (one, other))
            assert ours == pytest.approx(theirs, abs=0.06), lag
            assert ours == pytest.approx(math.exp(-(lag**2) / (4 * sigma**2)), abs=0.05), lag
    assert np.corrcoef(x.ravel(), y.ravel())[0, 1] == pytest.approx(0, abs=0.08)


def test_few_modes_hold_nearly_all_of_the_field() -> None:
    assert len(elastic_modes(4.0)) == 43  # as its docstring says
    for sigma in (0.1, 1.0, 4.0, 20.0, 100.0):
        modes = elastic_modes(sigma).double()
        g = np.exp(-(np.arange(-500, 501) ** 2) / (2 * sigma**2))
        whole = 784 * float(np.sum((g / g.sum()) ** 2)) ** 2 / 3  # all places' variances
        assert 0.999 <= float(modes.square().sum()) / whole <= 1.001
        assert (modes @ modes.T).fill_diagonal_(0).abs().max() < 1e-6 * whole  # no mode says what another does


def test_units_and_range(images: Tensor) -> None:
    made = ALL(images, zeros(20), generator())
    assert (made.shape, made.dtype) == (images.shape, torch.float32)
    assert made.min() >= 0
    assert 200 < made.max() <= 255.001  # float32's rounding
    assert made.mean().item() == pytest.approx(images.float().mean().item(), rel=0.1)  # the ink is still there


def test_each_image_in_its_own_way(images: Tensor) -> None:
    made = ALL(images[:1].repeat(50, 1, 1), zeros(50), generator())
    assert len({one.numpy().tobytes() for one in made}) == 50


def epoch_images(
    mnist: tuple[Examples, Examples], batch_size: int, epoch: int = 0, n: int = 2_600, **options: Any
) -> list[Tensor]:
    """The images of each mini-batch of an epoch over n real examples: more than two portions of them."""
    batches = MiniBatches(
        mnist[0], torch.arange(n), batch_size, Preprocessing(), **{"seed": 7, "augmentation": ALL, **options}
    )
    batches.set_epoch(epoch)
    made: list[Tensor] = []
    for batch in batches:
        made += batch.images.split(batch_size) if isinstance(batch, Block) else [batch.images]
    return made


def test_same_seed_same_bits_another_epoch_other_images(mnist: tuple[Examples, Examples]) -> None:
    one = torch.cat(epoch_images(mnist, 16))
    torch.manual_seed(1)  # the process's own random numbers play no part
    assert torch.cat(epoch_images(mnist, 16)).equal(one)
    for other in (epoch_images(mnist, 16, epoch=1), epoch_images(mnist, 16, seed=8)):
        assert not torch.cat(other).equal(one)


def test_seed_epoch_and_place_decide(mnist: tuple[Examples, Examples]) -> None:
    """Not only by the order: one and the same image is deformed in ten ways."""
    order = torch.zeros(2 * AUGMENTED_AT_ONCE, dtype=torch.int64)  # always the first image
    ways = set()
    for seed, epoch in ((0, 0), (0, 1), (1, 0), (1, 1), (2**40, 0)):
        images = AugmentedEpoch(mnist[0], order, Preprocessing(), ALL, seed, epoch)
        for place in (0, AUGMENTED_AT_ONCE):
            ways.add(images(place, place + 1).numpy().tobytes())
    assert len(ways) == 10


@pytest.mark.parametrize("batch_size", [16, 100, 1_024, 1_500, 2_600])
def test_engines_see_the_same_images(mnist: tuple[Examples, Examples], batch_size: int) -> None:
    """To the bit: single mini-batches, blocks of several, and whatever their size."""
    plain = epoch_images(mnist, batch_size)
    for updates_per_step in (2, 7, 40):
        blocks = epoch_images(mnist, batch_size, updates_per_step=updates_per_step)
        assert all(a.equal(b) for a, b in zip(plain, blocks, strict=True))
    assert torch.cat(plain).equal(torch.cat(epoch_images(mnist, 64)))


@pytest.mark.parametrize(("batch_size", "n"), [(16, 2_600), (50, 1_601), (1_500, 2_600)])
def test_processes_share_the_same_images(mnist: tuple[Examples, Examples], batch_size: int, n: int) -> None:
    whole = epoch_images(mnist, batch_size, n=n)
    assert sum(map(len, whole)) == n
    shares = [epoch_images(mnist, batch_size, n=n, rank=rank, world_size=3) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        for rank, part in enumerate(parts):
            assert part.equal(batch[rank::3])


def test_an_epoch_can_be_begun_anywhere(mnist: tuple[Examples, Examples]) -> None:
    """What came before it in the epoch need not be made."""
    order = torch.arange(2_600)
    whole = AugmentedEpoch(mnist[0], order, Preprocessing(), ALL, 3, 4)(0, 2_600)
    for start, stop in ((0, 1), (1_000, 1_048), (2_048, 2_600), (1_023, 1_025), (2_599, 2_600), (500, 2_500)):
        images = AugmentedEpoch(mnist[0], order, Preprocessing(), ALL, 3, 4)
        assert images(start, stop).equal(whole[start:stop])


@pytest.mark.parametrize("updates_per_step", [1, 40])
def test_resumed_within_an_epoch(mnist: tuple[Examples, Examples], updates_per_step: int) -> None:
    """From its 71st mini-batch on, in the middle of a portion and of a block, the images are the same."""
    whole = torch.cat(epoch_images(mnist, 16))
    batches = MiniBatches(
        mnist[0], torch.arange(2_600), 16, Preprocessing(), seed=7, updates_per_step=updates_per_step, augmentation=ALL
    )
    batches.go_on_from(70, batches.updates)
    assert torch.cat([batch.images for batch in batches]).equal(whole[70 * 16 :])


@pytest.mark.parametrize("updates_per_step", [1, 4])
def test_images_keep_their_labels(mnist: tuple[Examples, Examples], updates_per_step: int) -> None:
    """Deformed a little, each is nearest to the original that its label belongs to."""
    few = Examples(mnist[0].images[:300], mnist[0].labels[:300])
    little = Augmentation(shift=0.4)
    for batch in MiniBatches(
        few, torch.arange(300), 50, Preprocessing(), seed=2, updates_per_step=updates_per_step, augmentation=little
    ):
        nearest = torch.cdist(batch.images, few.images.flatten(1) / 255).argmin(dim=1)
        assert few.labels[nearest].equal(batch.labels)


def test_no_deformation_without_a_seed(mnist: tuple[Examples, Examples]) -> None:
    with pytest.raises(ValueError, match="seed"):
        MiniBatches(mnist[0], torch.arange(10), 5, Preprocessing(), augmentation=ALL)


def test_only_training_images_are_deformed() -> None:
    """Labels, order and scale are as without."""
    plain, deformed = MNISTData(val_size=58_000), MNISTData(val_size=58_000, **SETTINGS)
    assert deformed.augmentation == ALL
    assert plain.augmentation is None
    for data in (plain, deformed):
        data.shuffle_seed = 11
        data.setup()
    assert plain.preprocessing == deformed.preprocessing
    for name in ("val_dataloader", "test_dataloader"):
        for one, other in zip(getattr(plain, name)(), getattr(deformed, name)(), strict=True):
            assert one.images.equal(other.images)
            assert one.labels.equal(other.labels)
    for one, other in zip(plain.train_dataloader(), deformed.train_dataloader(), strict=True):
        assert one.labels.equal(other.labels)
        assert not one.images.isclose(other.images).all(dim=1).any()
        assert one.images.min() == pytest.approx(other.images.min())  # the paper


def fit(data: MNISTData, engine: EngineName = "auto", epochs: int = 2, **options: Any) -> tuple[SigmoidMLP, L.Trainer]:
    ckpt_path = options.pop("ckpt_path", None)
    L.seed_everything(3, verbose=False)
    net = FastSigmoidMLP([30], learning_rate=10.0, lr_schedule="constant", lr_warmup_epochs=0.2, engine=engine)
    trainer = L.Trainer(**{**QUIET, "max_epochs": epochs, "limit_val_batches": 1, "log_every_n_steps": 50, **options})
    trainer.fit(net, datamodule=data, ckpt_path=ckpt_path, weights_only=True)
    return net, trainer


def test_a_net_learns_from_deformed_images() -> None:
    """By either engine alike, to rounding in float64; and it does better on images that are not deformed."""
    engines: tuple[EngineName, ...] = ("closed_form", "autograd")
    nets = []
    for engine in engines:
        net, trainer = fit(MNISTData(val_size=54_000, **SETTINGS), engine, precision="64-true")
        scores = trainer.callback_metrics
        assert 0.6 < scores["train/accuracy"] < scores["val/accuracy"]
        assert scores["val/accuracy"] > 0.8
        nets.append(net)
    for one, other in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def shown(folder: Path) -> list[bytes]:
    """The pages of deformed digits in a run's folder, as PNG."""
    events = EventAccumulator(str(folder))
    events.Reload()
    tag = "deformed digits"
    return [event.encoded_image_string for event in events.Images(tag)] if tag in events.Tags()["images"] else []


def test_a_resumed_run_meets_the_same_images(tmp_path: Path) -> None:
    """Two epochs at once; or one, a checkpoint, and another: the same weights, to the bit. No second page of digits."""
    settings = {"val_size": 57_000, **SETTINGS}
    whole, _ = fit(MNISTData(**settings))
    _, first = fit(MNISTData(**settings), epochs=1)
    first.save_checkpoint(tmp_path / "first.ckpt")
    logger = TensorBoardLogger(tmp_path, name="resumed", version="run")
    resumed, _ = fit(
        MNISTData(**settings), ckpt_path=tmp_path / "first.ckpt", logger=logger, callbacks=[AugmentedDigits()]
    )
    assert shown(tmp_path / "resumed" / "run") == []
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert one.equal(other)


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
    """One sentence each, before anything is read."""
    with pytest.raises(InputError, match=words) as error:
        MNISTData(**settings)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(".")


def test_tensorboard_shows_deformed_digits(tmp_path: Path) -> None:
    """One page: the digits 0 to 9 as they are, and below each as the net meets it; none without augmentation."""
    data = {"plain": MNISTData(val_size=59_000), "deformed": MNISTData(val_size=59_000, **SETTINGS)}
    for name in data:
        logger = TensorBoardLogger(tmp_path, name=name, version="run")
        _, trainer = fit(data[name], logger=logger, callbacks=[AugmentedDigits()])
        assert trainer.num_training_batches == 1  # the callback lets a step take a block of mini-batches
    assert shown(tmp_path / "plain" / "run") == []
    (png,) = shown(tmp_path / "deformed" / "run")
    page = decode_image(torch.frombuffer(bytearray(png), dtype=torch.uint8), ImageReadMode.GRAY)[0]
    side = 28 * ENLARGED + 1  # with the line between two images
    cells = 255 - page[1:, 1:].unfold(0, side - 1, side).unfold(1, side - 1, side)[..., ::ENLARGED, ::ENLARGED].int()
    assert cells.shape == (9, 10, 28, 28)
    images, labels = data["deformed"].train_dataloader().examples
    for digit in range(10):
        first = next(i for i in data["deformed"].train_indices.tolist() if labels[i] == digit)
        assert cells[0, digit].equal(images[first].int())
        for version in cells[1:, digit]:
            overlap = torch.corrcoef(torch.stack([version.flatten(), cells[0, digit].flatten()]).float())[0, 1]
            assert 0.1 < overlap < 0.99  # the same digit, but not the same image
