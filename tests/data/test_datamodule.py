"""MNISTData: the splits, the pixels' scale, and augmentation of the training images only."""

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.loader import MiniBatch, SplitDataset
from tests.data.helpers import ALL, SETTINGS


def test_splits() -> None:
    """They have 55,000, 5,000 and 10,000 images, do not overlap, and do not depend on the seed of the run."""
    torch.manual_seed(1)
    first, second, other_seed = MNISTData(), MNISTData(), MNISTData(split_seed=1)
    for data in (first, second, other_seed):
        torch.manual_seed(torch.seed() % 1000)
        data.setup()
    loaders = [first.train_dataloader(), first.val_dataloader(), first.test_dataloader(), first.predict_dataloader()]
    train, val, test, predicted = (loader.dataset for loader in loaders if isinstance(loader, DataLoader))
    assert isinstance(val, SplitDataset)
    sizes = [len(split) for split in (train, val, test, predicted)]  # type: ignore[arg-type]
    assert sizes == [55_000, 5_000, 10_000, 10_000]
    assert torch.cat([first.train_indices, val.indices]).sort().values.equal(torch.arange(60_000))
    assert first.train_indices.equal(second.train_indices)
    assert not first.train_indices.equal(other_seed.train_indices)


def test_no_validation_split() -> None:
    data = MNISTData(val_size=0)
    data.setup()
    assert len(data.train_indices) == 60_000
    assert data.val_dataloader() == []


def all_images(data: MNISTData) -> Tensor:
    """Return the activations of the full batch."""
    batch = next(iter(data.train_dataloader()))
    assert isinstance(batch, MiniBatch)
    return batch.images


def test_pixels_are_scaled() -> None:
    """From 0 to 1 as in the article, or between two other numbers, or to mean 0 and standard deviation 1."""
    plain, normalised = (MNISTData(batch_size="full", normalize=n) for n in (False, True))
    lecun98 = MNISTData(batch_size="full", normalize=False, pixel_range=(-0.1, 1.175))
    for data in (plain, normalised, lecun98):
        data.setup()
    images = all_images(plain)
    assert images.shape == (55_000, 784)
    assert images.min() == 0
    assert images.max().item() == pytest.approx(1)
    torch.testing.assert_close(all_images(lecun98), all_images(plain) * 1.275 - 0.1)
    images = all_images(normalised)
    assert images.double().mean().item() == pytest.approx(0, abs=1e-5)
    assert images.double().std().item() == pytest.approx(1, abs=1e-5)


def test_only_training_images_are_augmented() -> None:
    """Labels, order and scale do not change."""
    plain, augmented = MNISTData(val_size=58_000), MNISTData(val_size=58_000, **SETTINGS)
    assert augmented.augmentation == ALL
    assert plain.augmentation is None
    for data in (plain, augmented):
        data.shuffle_seed = 11
        data.setup()
    assert plain.preprocessing == augmented.preprocessing
    for name in ("val_dataloader", "test_dataloader"):
        for batch, other in zip(getattr(plain, name)(), getattr(augmented, name)(), strict=True):
            assert other.images.equal(batch.images)
            assert other.labels.equal(batch.labels)
    for batch, other in zip(plain.train_dataloader(), augmented.train_dataloader(), strict=True):
        assert other.labels.equal(batch.labels)
        assert not batch.images.isclose(other.images).all(dim=1).any()
        assert batch.images.min() == pytest.approx(other.images.min())  # paper
