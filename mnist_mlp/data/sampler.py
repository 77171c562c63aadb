"""The order of an epoch's examples, and which of them make a mini-batch."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DistributedSampler, SequentialSampler


class Epoch(NamedTuple):
    """The examples of an epoch, in their order.

    order: (N,) int64, their indices in the data set.
    number: the number of the epoch, from 0.
    seed: the seed of its order and its augmentation. None: the examples are not shuffled.
    """

    order: Tensor
    number: int
    seed: int | None


class Part(NamedTuple):
    """A mini-batch of an epoch, or a block of consecutive ones. `SplitDataset` in data/loader.py takes it as an index.

    epoch: the epoch.
    start: the place in the epoch's order of the first example.
    stop: the place after that of the last example.
    batch_size: examples per mini-batch.
    is_block: whether this is a block.
    rank: the number of this process, which takes every `world_size`-th example, starting at this one.
    world_size: the number of processes.
    """

    epoch: Epoch
    start: int
    stop: int
    batch_size: int
    is_block: bool
    rank: int
    world_size: int


def epoch_generator(seed: int, epoch: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator of random numbers for a seed, an epoch and, within the epoch, a stream."""
    state = np.random.SeedSequence([seed, epoch], spawn_key=stream).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state))


class MiniBatchSampler(DistributedSampler[Any], SequentialSampler):
    """A sampler of whole mini-batches, or of blocks of them.

    The order of an epoch depends only on `seed` and the epoch, so that a resumed run gets the same mini-batches. If
    several processes share a mini-batch, each takes every `world_size`-th example, starting at its `rank`.

    Lightning replaces samplers that it does not know: in runs of several processes all but DistributedSamplers, for
    `overfit_batches` all but SequentialSamplers. The replacement would draw single examples. This class does what is
    asked in both cases, and derives from both so that it stays.

    Args:
        indices: (N,) int64 on the CPU, the examples of the split.
        batch_size: examples per mini-batch, over all processes. The last mini-batch of an epoch may be shorter.
        seed: shuffles the examples in each epoch. None keeps the order of `indices`.
        rank: the number of this process.
        world_size: the number of processes.
        updates_per_step: the number of mini-batches in a block. 1 samples single mini-batches.
        same_every_epoch: repeats the first epoch, for the Trainer's `overfit_batches`.
        device: where the examples are.

    Attributes:
        made: the mini-batches of this epoch that are done; checkpoints keep the number.
        epoch: the number of the epoch.
        resumed: whether `resume_at` was called.
    """

    def __init__(
        self,
        indices: Tensor,
        batch_size: int,
        seed: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        updates_per_step: int = 1,
        same_every_epoch: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(indices, num_replicas=world_size, rank=rank, shuffle=seed is not None)  # type: ignore[arg-type]
        self.indices = indices
        self.batch_size = batch_size
        self.shuffle_seed = seed
        self.world_size = world_size
        self.updates_per_step = updates_per_step
        self.same_every_epoch = same_every_epoch
        self.device = device
        self.made = 0
        self._resumed = self.resumed = False

    def position(self) -> dict[str, int]:
        """Return the arguments with which `resume_at` continues after the mini-batches that are done."""
        return {"made": self.made, "updates": self.updates}

    def resume_at(self, made: int, updates: int) -> None:
        """Start the next epoch after `made` of its `updates` mini-batches.

        If the epoch has another number of mini-batches now, it starts at the first one, unless it was complete.
        """
        if updates == self.updates:
            self.made = made
        else:
            self.made = self.updates if made == updates else 0
        self._resumed = self.resumed = True

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch, which selects its order and its augmentation. The Trainer does it."""
        if not self.same_every_epoch:
            self.epoch = epoch

    @property
    def updates(self) -> int:
        """The number of mini-batches in an epoch."""
        return -(-len(self.indices) // self.batch_size)

    def __len__(self) -> int:
        """Return the number of the Trainer's steps in an epoch."""
        return -(-self.updates // self.updates_per_step)

    @property
    def steps_made(self) -> int:
        """The number of the Trainer's steps in the `made` mini-batches of this epoch, without an incomplete block."""
        return len(self) if self.made == self.updates else self.made // self.updates_per_step

    def order(self) -> Tensor:
        """Return the split's indices in the order of the epoch, (N,)."""
        if self.shuffle_seed is None:
            return self.indices
        generator = epoch_generator(self.shuffle_seed, self.epoch)
        return self.indices[torch.randperm(len(self.indices), generator=generator)]

    def __iter__(self) -> Iterator[Part]:  # type: ignore[override]
        """Yield the epoch's mini-batches or blocks. They start at the first, unless `resume_at` says otherwise."""
        epoch = Epoch(self.order().to(self.device), self.epoch, self.shuffle_seed)
        if not self._resumed or self.made == self.updates:
            self.made = 0
        self._resumed = False
        is_block = self.updates_per_step > 1
        while self.made < self.updates:
            # After a resume within a block, the first block is the rest of it.
            until = min(self.made + self.updates_per_step - self.made % self.updates_per_step, self.updates)
            start, stop = self.made * self.batch_size, min(until * self.batch_size, len(self.indices))
            self.made = until
            yield Part(epoch, start, stop, self.batch_size, is_block, self.rank, self.world_size)
