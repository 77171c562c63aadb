"""The augmented images of an epoch, made in chunks."""

import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import Epoch, epoch_generator

AUGMENTED_AT_ONCE = 1_024  # images; their 17 MB of memory fit into a CPU's cache


class AugmentedEpoch:
    """The augmented images of one epoch. They depend only on the seed, the epoch and the image's place in the epoch.

    They are made on request, in chunks of 1,024 with one generator each. The mini-batches do not change the chunks, so
    that any batch size, any engine and any number of processes get the same images.

    Args:
        examples: all images and labels.
        epoch: their order, on the device of the examples, and the seed.
        preprocessing: from images to activations.
        augmentation: how to vary the images.

    Raises:
        ValueError: the epoch has no seed.
    """

    def __init__(
        self, examples: Examples, epoch: Epoch, preprocessing: Preprocessing, augmentation: Augmentation
    ) -> None:
        if epoch.seed is None:
            raise ValueError("augmentation needs a seed")
        self.images, self.labels = examples
        self.epoch = epoch
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.seed = epoch.seed
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
            indices = self.epoch.order[number * AUGMENTED_AT_ONCE : (number + 1) * AUGMENTED_AT_ONCE]
            generator = epoch_generator(self.seed, self.epoch.number, number, device=indices.device)
            images, labels = self.images.index_select(0, indices), self.labels.index_select(0, indices)
            self._last = number, self.preprocessing.augmented(images, labels, self.augmentation, generator)
        return self._last[1]
