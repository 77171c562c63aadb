"""The training loader: the order of an epoch, shares of several processes, and blocks."""

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader

from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.loader import Block, MiniBatch, SharedMiniBatch, SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler


def numbered(n: int) -> Examples:
    """Return examples that can be identified: the first two pixels of image i hold the number i; label i mod 10."""
    images = torch.zeros(n, 28, 28, dtype=torch.uint8)
    images[:, 0, 0], images[:, 0, 1] = torch.arange(n) % 256, torch.arange(n) // 256
    return Examples(images, torch.arange(n) % 10)


def numbers(images: Tensor) -> list[int]:
    """Return the number of each image."""
    return (images[:, 0] + 256 * images[:, 1]).round().int().tolist()


def loader(n: int, batch_size: int, **kwargs: Any) -> DataLoader[Any]:
    """Return a loader of n numbered examples."""
    sampler = MiniBatchSampler(torch.arange(n), batch_size, **kwargs)
    return mini_batches(SplitDataset(numbered(n), sampler.indices, Preprocessing(factor=1.0)), sampler)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), seed=st.integers(0, 2**40), epoch=st.integers(0, 1000))
def test_an_epoch_has_every_example_once(n: int, batch_size: int, seed: int, epoch: int) -> None:
    """The order depends only on the seed and the epoch."""
    first, second = (loader(n, batch_size, seed=seed) for _ in range(2))
    list(second)  # an epoch before
    orders = []
    for batches in (first, second):
        sampler: Any = batches.sampler
        sampler.set_epoch(epoch)
        made = list(batches)
        assert len(made) == len(batches) == sampler.updates
        assert all(len(batch.labels) == batch_size for batch in made[:-1])
        orders.append([i for batch in made for i in numbers(batch.images)])
        assert [i % 10 for i in orders[-1]] == [y for batch in made for y in batch.labels.tolist()]
    assert sorted(orders[0]) == list(range(n))
    assert orders[0] == orders[1]


def test_every_epoch_and_seed_has_another_order() -> None:
    orders = set()
    for seed in (0, 1, 2):
        batches = loader(50, 50, seed=seed)
        for epoch in range(3):
            batches.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
            orders.add(tuple(numbers(next(iter(batches)).images)))
    assert len(orders) == 9


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), world_size=st.integers(1, 4))
def test_processes_share_each_mini_batch(n: int, batch_size: int, world_size: int) -> None:
    """The shares are disjoint and complete. With their `size`, the mean of the gradients is that of the mini-batch."""
    whole = list(loader(n, batch_size, seed=1))
    shares = [list(loader(n, batch_size, seed=1, rank=r, world_size=world_size)) for r in range(world_size)]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert sorted(numbers(batch.images)) == sorted(i for part in parts for i in numbers(part.images))
        assert isinstance(batch, MiniBatch)
        if world_size > 1:
            assert all(isinstance(part, SharedMiniBatch) for part in parts)
            assert all(part.size * world_size == len(batch.labels) for part in parts)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 90), batch_size=st.integers(1, 40), updates_per_step=st.integers(2, 6))
def test_blocks_are_the_same_mini_batches(n: int, batch_size: int, updates_per_step: int) -> None:
    plain = list(loader(n, batch_size, seed=1))
    blocks = loader(n, batch_size, seed=1, updates_per_step=updates_per_step)
    assert blocks.sampler.updates == len(plain)  # type: ignore[attr-defined]
    parts, made = [], 0
    for block in blocks:  # one at a time, because the next block overwrites it
        assert isinstance(block, Block)
        parts += [numbers(part) for part in block.images.split(block.batch_size)]
        made += 1
    assert made == len(blocks)
    assert parts == [numbers(batch.images) for batch in plain]
