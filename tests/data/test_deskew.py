"""Deskewing: a shear makes digits upright, the same in training, validation, test and use."""

import math
from pathlib import Path

import lightning as L
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.augmented_epoch import AugmentedEpoch
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import STEEPEST, deskewed, deskewing
from mnist_mlp.data.loader import Block, SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.resampling import affine_basis, compose, resample
from mnist_mlp.data.sampler import Epoch, MiniBatchSampler
from mnist_mlp.inference.evaluation import evaluation
from mnist_mlp.inference.load import load_net, to_safetensors
from mnist_mlp.inference.onnx import FromPixels
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET
from tests.data.helpers import CPU, Array, transform_by

pytestmark = pytest.mark.usefixtures("read_once")

AXIS = np.arange(28) - 13.5


def moments(image: Array) -> tuple[float, float, float, float, float]:
    """Return the moments of the ink: mean x, mean y, variance of x, covariance, variance of y."""
    share = image / image.sum()
    x, y = float((share.sum(axis=0) * AXIS).sum()), float((share.sum(axis=1) * AXIS).sum())
    dx, dy = AXIS[None, :] - x, AXIS[:, None] - y
    return x, y, float((share * dx**2).sum()), float((share * dx * dy).sum()), float((share * dy**2).sum())


@pytest.fixture(scope="module")
def images(mnist: tuple[Examples, Examples]) -> Tensor:
    """The first 200 training images."""
    return mnist[0].images[:200]


def test_the_principal_axes_lie_along_x_and_y(images: Tensor) -> None:
    """That is the MNIST page's definition. The centre of mass and the ink of each line do not change."""
    slants = []
    for before, after in zip(images.double().numpy(), deskewed(images).double().numpy(), strict=True):
        (x, y, var_x, cov, var_y), (new_x, new_y, _, new_cov, _) = moments(before), moments(after)
        if abs(cov / var_y) >= STEEPEST or after.sum() < 0.999 * before.sum():
            continue  # a few digits lean so far that ink leaves the image
        slants.append(abs(cov) / math.sqrt(var_x * var_y))
        assert new_cov == pytest.approx(0, abs=0.02 * var_y)
        assert (new_x, new_y) == pytest.approx((x, y), abs=0.02)
        assert after.sum(axis=1) == pytest.approx(before.sum(axis=1), rel=1e-3, abs=0.5)
    assert len(slants) > 180
    assert float(np.mean(slants)) > 0.2  # the digits were slanted before


@pytest.mark.parametrize("degrees", [-30.0, -10.0, 20.0])
def test_a_slant_is_removed(images: Tensor, degrees: float) -> None:
    """Upright digits that are sheared and deskewed are the same again, except for the blur of interpolation."""
    upright = deskewed(images)
    sheared = transform_by(upright, shear=degrees)
    restored = deskewed(sheared)
    assert (restored - upright).square().mean() < (sheared - upright).square().mean() / 10


@settings(max_examples=20, deadline=None)
@given(slope=st.floats(-0.9, 0.9), height=st.integers(5, 20))
def test_a_slanted_line_becomes_upright(slope: float, height: int) -> None:
    """The line x = slope y becomes vertical: all its ink is in the middle."""
    image = torch.zeros(28, 28)
    for y in AXIS[14 - height // 2 : 14 + height // 2]:
        x = slope * y + 13.5
        left = math.floor(x)
        image[int(y + 13.5), left] += 1 - (x - left)
        image[int(y + 13.5), left + 1] += x - left
    made = deskewed(image[None])[0]
    assert float(deskewing(image[None])[0, 0, 2]) == pytest.approx(slope, abs=1e-4)
    assert float(made[:, 12:16].sum()) == pytest.approx(float(image.sum()), rel=1e-4)


def test_images_without_a_slant_do_not_change() -> None:
    """Empty image, single pixel, horizontal line. A nearly horizontal line is sheared by at most 45 degrees."""
    empty, dot, flat, dash = (torch.zeros(28, 28, dtype=torch.uint8) for _ in range(4))
    dot[3, 4] = 255
    flat[20, 5:20] = 200
    for k in range(16):
        dash[14 + k // 8, 6 + k] = 255
    odd = torch.stack([empty, dot, flat, dash])
    made = deskewed(odd)
    assert made[:3].equal(odd[:3].float())
    assert made.isfinite().all()
    assert float(deskewing(odd)[3, 0, 2]) == STEEPEST


def test_composed_maps(images: Tensor) -> None:
    """One map equals two in turn. They agree to rounding, because the second map shifts by whole pixels."""
    first = deskewing(images)
    shift = torch.tensor([[-2.0, 1.0, 0.0], [3.0, 0.0, 1.0]]).expand(len(images), 2, 3)
    basis = affine_basis(CPU)
    composed = resample(images, compose(first, shift), basis)
    in_turn = resample(resample(images, first, basis), shift, basis)
    inside = (slice(None), slice(4, 24), slice(4, 24))  # two maps in turn lose the ink that leaves the image in between
    torch.testing.assert_close(composed[inside], in_turn[inside], rtol=0, atol=0.05)


def test_training_validation_and_test_images_are_deskewed(mnist: tuple[Examples, Examples]) -> None:
    """All splits and blocks use the same function. The pixels are scaled as without deskewing."""
    data, plain = MNISTData(val_size=58_000, deskew=True), MNISTData(val_size=58_000)
    for module in (data, plain):
        module.shuffle_seed = 5
        module.setup()
    assert data.preprocessing == plain.preprocessing._replace(deskew=True)
    for name, split in (("train_dataloader", 0), ("val_dataloader", 0), ("test_dataloader", 1)):
        loader = getattr(data, name)()
        order, activations = loader.sampler.order(), next(iter(loader)).images
        upright = deskewed(mnist[split].images[order[: len(activations)]]).flatten(1)
        torch.testing.assert_close(activations, upright * data.preprocessing.factor + data.preprocessing.offset)
    sampler = MiniBatchSampler(torch.arange(100), 16, seed=3, updates_per_step=4)
    block = next(iter(mini_batches(SplitDataset(mnist[0], sampler.indices, Preprocessing(deskew=True)), sampler)))
    assert isinstance(block, Block)
    torch.testing.assert_close(block.images, deskewed(mnist[0].images[sampler.order()[:64]]).flatten(1) / 255)


def test_images_are_deskewed_once(mnist: tuple[Examples, Examples]) -> None:
    """Later epochs use the images of the first one, to the bit, in another order."""
    examples = Examples(mnist[0].images[:200].clone(), mnist[0].labels[:200])
    indices = torch.arange(20, 180)
    preprocessing = Preprocessing(deskew=True)
    expected = preprocessing(examples.images)
    sampler = MiniBatchSampler(indices, 32, seed=0)
    loader = mini_batches(SplitDataset(examples, indices, preprocessing), sampler)
    list(loader)
    examples.images.zero_()
    sampler.set_epoch(1)
    images = torch.cat([batch.images for batch in loader])
    assert torch.equal(images, expected[sampler.order()])
    assert not torch.equal(sampler.order(), indices)


def test_augmentation_follows_deskewing(mnist: tuple[Examples, Examples]) -> None:
    """Without augmentation the images stay upright. With it, upright images are augmented, in one interpolation."""
    epoch = Epoch(torch.arange(50), number=0, seed=1)
    images, labels = mnist[0].images[:50], mnist[0].labels[:50]
    unchanged = AugmentedEpoch(mnist[0], epoch, Preprocessing(deskew=True), Augmentation())(0, 50)
    torch.testing.assert_close(unchanged, deskewed(images).flatten(1) / 255, rtol=0, atol=1e-4)

    def augmented(preprocessing: Preprocessing, images: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return preprocessing.augmented(images, labels, Augmentation(rotation=10.0, elastic_alpha=34.0), generator)

    composed, in_turn = augmented(Preprocessing(deskew=True), images), augmented(Preprocessing(), deskewed(images))
    not_deskewed = augmented(Preprocessing(), images)
    assert (composed - in_turn).square().mean() < (composed - not_deskewed).square().mean() / 20


def test_trained_nets_deskew_in_use(tmp_path: Path) -> None:
    """Checkpoints, safetensors files and the module for ONNX deskew images. An evaluation gives the run's figures."""
    data = MNISTData(val_size=1_000, deskew=True)
    L.seed_everything(0, verbose=False)
    net = SigmoidMLP([30], learning_rate=10.0)
    trainer = L.Trainer(**{**QUIET, "max_epochs": 1})
    trainer.fit(net, datamodule=data)
    trainer.save_checkpoint(tmp_path / "net.ckpt")
    trained = load_net(tmp_path / "net.ckpt")
    assert trained.preprocessing == data.preprocessing
    assert trained.preprocessing.deskew

    (tmp_path / "net.safetensors").write_bytes(to_safetensors(trained))
    again = load_net(tmp_path / "net.safetensors")
    assert again.preprocessing == trained.preprocessing
    assert again.training_data().hparams["deskew"] is True

    images = data.val_dataloader().dataset.examples.images[:100]  # type: ignore[union-attr]
    activations = trained.activations(images)
    with torch.no_grad():
        torch.testing.assert_close(activations, net.eval()(data.preprocessing(images)))
        from_pixels = FromPixels(trained.net, trained.preprocessing)(images[:, None] / 255)
    torch.testing.assert_close(activations, from_pixels, rtol=1e-3, atol=1e-4)
    assert not activations.allclose(
        trained._replace(preprocessing=trained.preprocessing._replace(deskew=False)).activations(images)
    )

    measured = trainer.validate(net, datamodule=data, verbose=False)[0]
    figures = evaluation(trained, "validation")
    assert figures.accuracy == pytest.approx(measured["val/accuracy"])
    assert figures.average_cost == pytest.approx(measured["val/cost"], rel=1e-5)
