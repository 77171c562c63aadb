"""Augmented epochs: the images depend only on the seed, the epoch and their place in the epoch."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.augmented_epoch import AUGMENTED_AT_ONCE, AugmentedEpoch
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.loader import Block, SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import Epoch, MiniBatchSampler
from tests.data.helpers import ALL


def epoch_images(
    mnist: tuple[Examples, Examples],
    batch_size: int,
    epoch: int = 0,
    n: int = 2_600,
    augmentation: Augmentation | None = ALL,
    **options: Any,
) -> list[Tensor]:
    """Return the images of each mini-batch of an epoch over the first n examples; 2,600 are more than two chunks."""
    sampler = MiniBatchSampler(torch.arange(n), batch_size, **{"seed": 7, **options})
    sampler.set_epoch(epoch)
    made: list[Tensor] = []
    for batch in mini_batches(SplitDataset(mnist[0], sampler.indices, Preprocessing(), augmentation), sampler):
        made += batch.images.split(batch_size) if isinstance(batch, Block) else [batch.images]
    return made


def test_seed_and_epoch_determine_the_images(mnist: tuple[Examples, Examples]) -> None:
    images = torch.cat(epoch_images(mnist, 16))
    torch.manual_seed(1)  # torch's global generator has no influence
    assert torch.cat(epoch_images(mnist, 16)).equal(images)
    for other in (epoch_images(mnist, 16, epoch=1), epoch_images(mnist, 16, seed=8)):
        assert not torch.cat(other).equal(images)


def test_one_image_is_augmented_differently_by_seed_epoch_and_place(mnist: tuple[Examples, Examples]) -> None:
    """The order of the images is not the only difference: here, all ten images come from the same one."""
    order = torch.zeros(2 * AUGMENTED_AT_ONCE, dtype=torch.int64)  # always the first image
    versions = set()
    for seed, epoch in ((0, 0), (0, 1), (1, 0), (1, 1), (2**40, 0)):
        images = AugmentedEpoch(mnist[0], Epoch(order, epoch, seed), Preprocessing(), ALL)
        for place in (0, AUGMENTED_AT_ONCE):
            versions.add(images(place, place + 1).numpy().tobytes())
    assert len(versions) == 10


@pytest.mark.parametrize("batch_size", [16, 100, 1_024, 1_500, 2_600])
def test_mini_batches_and_blocks_have_the_same_images(mnist: tuple[Examples, Examples], batch_size: int) -> None:
    """They are equal bit for bit, at any batch size and block size."""
    plain = epoch_images(mnist, batch_size)
    for updates_per_step in (2, 7, 40):
        blocks = epoch_images(mnist, batch_size, updates_per_step=updates_per_step)
        assert all(a.equal(b) for a, b in zip(plain, blocks, strict=True))
    assert torch.cat(plain).equal(torch.cat(epoch_images(mnist, 64)))


@pytest.mark.parametrize(("batch_size", "n"), [(16, 2_600), (50, 1_601), (1_500, 2_600)])
def test_processes_share_the_images(mnist: tuple[Examples, Examples], batch_size: int, n: int) -> None:
    whole = epoch_images(mnist, batch_size, n=n)
    assert sum(map(len, whole)) == n
    shares = [epoch_images(mnist, batch_size, n=n, rank=rank, world_size=3) for rank in range(3)]
    for batch, *parts in zip(whole, *shares, strict=True):
        for rank, part in enumerate(parts):
            assert part.equal(batch[rank::3])


def test_any_part_of_an_epoch_can_be_made_alone(mnist: tuple[Examples, Examples]) -> None:
    epoch = Epoch(torch.arange(2_600), number=4, seed=3)
    whole = AugmentedEpoch(mnist[0], epoch, Preprocessing(), ALL)(0, 2_600)
    for start, stop in ((0, 1), (1_000, 1_048), (2_048, 2_600), (1_023, 1_025), (2_599, 2_600), (500, 2_500)):
        images = AugmentedEpoch(mnist[0], epoch, Preprocessing(), ALL)
        assert images(start, stop).equal(whole[start:stop])


@pytest.mark.parametrize("updates_per_step", [1, 40])
def test_resume_within_an_epoch(mnist: tuple[Examples, Examples], updates_per_step: int) -> None:
    """The images are the same from the 71st mini-batch on, which is in the middle of a chunk and of a block."""
    whole = torch.cat(epoch_images(mnist, 16))
    sampler = MiniBatchSampler(torch.arange(2_600), 16, seed=7, updates_per_step=updates_per_step)
    sampler.resume_at(70, sampler.updates)
    batches = mini_batches(SplitDataset(mnist[0], sampler.indices, Preprocessing(), ALL), sampler)
    assert torch.cat([batch.images for batch in batches]).equal(whole[70 * 16 :])


@pytest.mark.parametrize("updates_per_step", [1, 4])
def test_images_keep_their_labels(mnist: tuple[Examples, Examples], updates_per_step: int) -> None:
    """After a small shift, each image is still nearest to its original, which has its label."""
    few = Examples(mnist[0].images[:300], mnist[0].labels[:300])
    small = Augmentation(shift=0.4)
    sampler = MiniBatchSampler(torch.arange(300), 50, seed=2, updates_per_step=updates_per_step)
    for batch in mini_batches(SplitDataset(few, sampler.indices, Preprocessing(), small), sampler):
        nearest = torch.cdist(batch.images, few.images.flatten(1) / 255).argmin(dim=1)
        assert few.labels[nearest].equal(batch.labels)


def test_augmentation_needs_a_seed(mnist: tuple[Examples, Examples]) -> None:
    with pytest.raises(ValueError, match="seed"):
        epoch_images(mnist, 5, n=10, seed=None)
