"""Mini-batches of a split: all images are in one tensor, and a mini-batch is one indexing operation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.preprocessing import Preprocessing

AUGMENTED_AT_ONCE = 1_024  # images; their 17 MB of memory fit into a CPU's cache


class MiniBatch(NamedTuple):
    """The examples of one weight update.

    images: (B, 784) float32, the input neurons' activations.
    labels: (B,) int64, the digits.
    """

    images: Tensor
    labels: Tensor


class SharedMiniBatch(NamedTuple):
    """This process's share of a mini-batch, where several processes share it and average their gradients.

    images: (B, 784) float32, the input neurons' activations.
    labels: (B,) int64, the digits.
    size: the number that divides the summed cost: the size of the mini-batch divided by the number of processes. The
        average is then the gradient of the whole mini-batch, even if the shares are not equal.
    """

    images: Tensor
    labels: Tensor
    size: float


class Block(NamedTuple):
    """Consecutive mini-batches, for several weight updates in one step of the Trainer.

    The next block overwrites the images of this one, because allocating the memory takes longer than filling it.

    images: (N, 784) float32, the input neurons' activations.
    labels: (N,) int64, the digits.
    batch_size: examples per mini-batch. The last mini-batch may be shorter.
    """

    images: Tensor
    labels: Tensor
    batch_size: int


class AugmentedEpoch:
    """The augmented images of one epoch. They depend only on the seed, the epoch and the image's place in the epoch.

    They are made on request, in chunks of 1,024 with one generator each. The mini-batches do not change the chunks, so
    that any batch size, any engine and any number of processes get the same images.

    Args:
        examples: all images and labels.
        order: (N,) int64, the indices of the epoch's images, on the device of the examples.
        preprocessing: from images to activations.
        augmentation: how to vary the images.
        seed: the seed of the random numbers.
        epoch: the number of the epoch.
    """

    def __init__(
        self,
        examples: Examples,
        order: Tensor,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        seed: int,
        epoch: int,
    ) -> None:
        self.images, self.labels = examples
        self.order = order
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.seed = seed
        self.epoch = epoch
        self._last: tuple[int, Tensor] | None = None

    def __call__(self, start: int, stop: int) -> Tensor:
        """Return the activations of the epoch's images `start` to `stop` - 1, (stop - start, 784) float32."""
        parts = []
        for chunk in range(start // AUGMENTED_AT_ONCE, -(-stop // AUGMENTED_AT_ONCE)):
            first = chunk * AUGMENTED_AT_ONCE
            parts.append(self._chunk(chunk)[max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _chunk(self, number: int) -> Tensor:
        """Return the activations of a chunk. The last chunk is kept, because mini-batches ask for it in parts."""
        if self._last is None or self._last[0] != number:
            indices = self.order[number * AUGMENTED_AT_ONCE : (number + 1) * AUGMENTED_AT_ONCE]
            generator = epoch_generator(self.seed, self.epoch, number, device=indices.device)
            images, labels = self.images.index_select(0, indices), self.labels.index_select(0, indices)
            self._last = number, self.preprocessing.augmented(images, labels, self.augmentation, generator)
        return self._last[1]


def epoch_generator(seed: int, epoch: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator of random numbers for a seed, an epoch and, within the epoch, a stream."""
    state = np.random.SeedSequence([seed, epoch], spawn_key=stream).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state))


class MiniBatches:
    """An iterable of `MiniBatch`es or `Block`s of them. Lightning takes it in place of a DataLoader.

    The examples stay in their tensor, as bytes. The order of an epoch depends only on `seed` and the epoch, so that a
    resumed run gets the same mini-batches. If several processes share a mini-batch, each yields every `world_size`-th
    example, starting at its `rank`.

    Args:
        examples: all images and labels, on the device of the training.
        indices: (N,) int64 on the CPU, the examples of the split.
        batch_size: examples per mini-batch, over all processes. The last mini-batch of an epoch may be shorter.
        preprocessing: from images to activations.
        seed: shuffles the examples in each epoch. None keeps the order of `indices`.
        rank: the number of this process.
        world_size: the number of processes.
        updates_per_step: the number of mini-batches in a `Block`. 1 yields single `MiniBatch`es.
        augmentation: varies the images in each epoch; it needs a seed. None leaves them as they are.
        same_every_epoch: repeats the first epoch's order and augmentation, for the Trainer's `overfit_batches`.

    Attributes:
        made: the mini-batches of this epoch that are done; checkpoints keep the number.
        epoch: the number of the epoch.
        resumed: whether `resume_at` was called.

    Raises:
        ValueError: there is an augmentation but no seed.
    """

    def __init__(
        self,
        examples: Examples,
        indices: Tensor,
        batch_size: int,
        preprocessing: Preprocessing,
        seed: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        updates_per_step: int = 1,
        augmentation: Augmentation | None = None,
        same_every_epoch: bool = False,
    ) -> None:
        if augmentation is not None and seed is None:
            raise ValueError("augmentation needs a seed")
        self.examples = examples
        self.indices = indices
        self.batch_size = batch_size
        self.preprocessing = preprocessing
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.updates_per_step = updates_per_step
        self.made = 0
        self._resumed = self.resumed = False
        self.same_every_epoch = same_every_epoch
        self.augmentation = augmentation
        self.epoch = 0
        # Lightning calls `loader.sampler.set_epoch(epoch)` before each epoch, as with a DataLoader.
        self.sampler, self.batch_sampler = self, None

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
        """Set the number of the epoch, which selects its order and its augmentation."""
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
        if self.seed is None:
            return self.indices
        generator = epoch_generator(self.seed, self.epoch)
        return self.indices[torch.randperm(len(self.indices), generator=generator)]

    def __iter__(self) -> Iterator[MiniBatch | SharedMiniBatch | Block]:
        """Yield the epoch's mini-batches or blocks. They start at the first, unless `resume_at` says otherwise."""
        images, labels = self.examples
        order = self.order().to(images.device)
        augmented = self._augmented_epoch(order)
        if not self._resumed or self.made == self.updates:
            self.made = 0
        self._resumed = False
        in_blocks = self.updates_per_step > 1
        capacity = self.updates_per_step * self.batch_size if in_blocks else 0
        memory = torch.empty(capacity, images.shape[1:].numel(), device=images.device)
        while self.made < self.updates:
            # After a resume within a block, the first block is the rest of it.
            until = min(self.made + self.updates_per_step - self.made % self.updates_per_step, self.updates)
            start = self.made * self.batch_size
            indices = order[start : until * self.batch_size]
            self.made = until
            share = slice(self.rank, None, self.world_size)
            own = indices[share]
            if augmented:
                activations = augmented(start, start + len(indices))[share]
            else:
                out = memory[: len(own)] if in_blocks else None
                activations = self.preprocessing(images.index_select(0, own), out)
            if in_blocks:
                yield Block(activations, labels[own], self.batch_size)
            elif self.world_size == 1:
                yield MiniBatch(activations, labels[own])
            else:
                yield SharedMiniBatch(activations, labels[own], len(indices) / self.world_size)

    def _augmented_epoch(self, order: Tensor) -> AugmentedEpoch | None:
        if self.augmentation is None or self.seed is None:
            return None
        return AugmentedEpoch(self.examples, order, self.preprocessing, self.augmentation, self.seed, self.epoch)
