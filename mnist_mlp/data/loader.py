"""One split as mini-batches: the images lie in one tensor, and a mini-batch is one indexing operation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.preprocessing import Preprocessing

AUGMENTED_AT_ONCE = 1_024  # images; what they need, 17 MB, can stay in a CPU's cache


class MiniBatch(NamedTuple):
    """What one weight update sees.

    images: (B, 784) float32, the input neurons' activations.
    labels: (B,) int64, the digits.
    size: what to divide the summed cost by. In one process that is B. Where several processes share a
        mini-batch and average their gradients, it is the mini-batch's size over the number of processes,
        so that the average is the gradient of the whole mini-batch even if it does not divide evenly.
    """

    images: Tensor
    labels: Tensor
    size: float


class Block(NamedTuple):
    """Consecutive mini-batches, for as many weight updates in one step of the Trainer.

    images: (N, 784) float32. labels: (N,) int64. batch_size: examples per mini-batch; the last may be shorter.
    The next block's images take the place of this one's: to allocate such memory anew takes longer than to fill it.
    """

    images: Tensor
    labels: Tensor
    batch_size: int


class AugmentedEpoch:
    """The images of one epoch, each deformed anew. How depends on seed, epoch and the image's place in it alone.

    They are made in portions of 1,024 from one generator each, as they are asked for, whatever the mini-batches, so
    that each of them, each engine and each process sees the same ones.

    Args:
        examples: all there are.
        order: (N,) indices of the epoch's images, on the same device.
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
        """(stop - start, 784) float32, the activations of the epoch's images from place `start` to before `stop`."""
        parts = []
        for portion in range(start // AUGMENTED_AT_ONCE, -(-stop // AUGMENTED_AT_ONCE)):
            first = portion * AUGMENTED_AT_ONCE
            parts.append(self._portion(portion)[max(start - first, 0) : stop - first])
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _portion(self, number: int) -> Tensor:
        if self._last is None or self._last[0] != number:
            of_all = self.order[number * AUGMENTED_AT_ONCE : (number + 1) * AUGMENTED_AT_ONCE]
            generator = epoch_generator(self.seed, self.epoch, number, device=of_all.device)
            images, labels = self.images.index_select(0, of_all), self.labels.index_select(0, of_all)
            self._last = number, self.preprocessing.augmented(images, labels, self.augmentation, generator)
        return self._last[1]


def epoch_generator(seed: int, epoch: int, *stream: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Random numbers of their own for a seed, an epoch and, within that, a stream."""
    state = np.random.SeedSequence([seed, epoch], spawn_key=stream).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state))


class MiniBatches:
    """An iterable of `MiniBatch`es, or of `Block`s of them, as Lightning takes in the place of a DataLoader.

    The examples stay where they are, as bytes; `indices` says which of them belong to the split. The order of
    an epoch depends on `seed` and the epoch alone, so that a resumed run meets the same mini-batches. Of each
    mini-batch, this process yields every `world_size`-th example from its `rank` on.

    Args:
        examples: all images and labels, on the device where they are to be used.
        indices: (N,) int64 on the CPU, the split.
        batch_size: examples per mini-batch over all processes; the last one of an epoch may be shorter.
        preprocessing: from images to activations.
        seed: shuffles anew for every epoch; None keeps the order of `indices`.
        updates_per_step: how many mini-batches are yielded at once, as a `Block`, if more than one.
        augmentation: deforms the images anew for every epoch, by `seed`, which it needs; None leaves them as they are.
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
    ) -> None:
        if augmentation is not None and seed is None:
            raise ValueError("to deform images, a seed is needed")
        self.examples = examples
        self.indices = indices
        self.batch_size = batch_size
        self.preprocessing = preprocessing
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.updates_per_step = updates_per_step
        self.made = 0
        self._resumed = False
        self.augmentation = augmentation
        self.epoch = 0
        # As of a DataLoader: before each epoch, Lightning calls `loader.sampler.set_epoch(epoch)`.
        self.sampler, self.batch_sampler = self, None

    def go_on_from(self, made: int, updates: int) -> None:
        """The next epoch is one of which a run has already made so many of so many mini-batches.

        Of other mini-batches than these it is begun anew, unless it was complete.
        """
        self.made = made if updates == self.updates else self.updates * (made == updates)
        self._resumed = True

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    @property
    def updates(self) -> int:
        """Mini-batches in an epoch."""
        return -(-len(self.indices) // self.batch_size)

    def __len__(self) -> int:
        """Steps of the Trainer in an epoch."""
        return -(-self.updates // self.updates_per_step)

    @property
    def steps_made(self) -> int:
        """Steps of the Trainer that the `made` mini-batches of this epoch stand for; a begun block is none."""
        return len(self) if self.made == self.updates else self.made // self.updates_per_step

    def order(self) -> Tensor:
        """(N,) the epoch's order of the split's indices."""
        if self.seed is None:
            return self.indices
        generator = epoch_generator(self.seed, self.epoch)
        return self.indices[torch.randperm(len(self.indices), generator=generator)]

    def __iter__(self) -> Iterator[MiniBatch | Block]:
        images, labels = self.examples
        order = self.order().to(images.device)
        deformed = self._deformed(order)
        if not self._resumed or self.made == self.updates:
            self.made = 0
        self._resumed = False
        in_blocks = self.updates_per_step > 1
        room = self.updates_per_step * self.batch_size if in_blocks else 0
        space = torch.empty(room, images.shape[1:].numel(), device=images.device)
        while self.made < self.updates:
            until = min(self.made + self.updates_per_step - self.made % self.updates_per_step, self.updates)
            start = self.made * self.batch_size
            of_all = order[start : until * self.batch_size]
            self.made = until
            share = slice(self.rank, None, self.world_size)
            mine = of_all[share]
            if deformed:
                activations = deformed(start, start + len(of_all))[share]
            else:
                activations = self.preprocessing(
                    images.index_select(0, mine), out=space[: len(mine)] if in_blocks else None
                )
            if in_blocks:
                yield Block(activations, labels[mine], self.batch_size)
            else:
                yield MiniBatch(activations, labels[mine], len(of_all) / self.world_size)

    def _deformed(self, order: Tensor) -> AugmentedEpoch | None:
        if self.augmentation is None or self.seed is None:
            return None
        return AugmentedEpoch(self.examples, order, self.preprocessing, self.augmentation, self.seed, self.epoch)
