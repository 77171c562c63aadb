"""A torch DataLoader of whole mini-batches. All images are in one tensor; a mini-batch is one indexing operation."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.augmented_epoch import AugmentedEpoch
from mnist_mlp.data.class_names import DIGITS
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler, Part
from mnist_mlp.data.upright import UprightImages


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


class SplitDataset(Dataset[Any]):
    """The examples of a split as activations and labels.

    dataset[i] is one example, (784,) and (). dataset[indices], with a slice or a tensor, is a `MiniBatch`. Neither is
    augmented. dataset[part] is what the net trains on, with augmentation.

    Args:
        examples: all images and labels of the data set, on the device of the training. They stay bytes.
        indices: (N,) int64 on the CPU, the examples of the split.
        preprocessing: from images to activations.
        augmentation: varies the training images in each epoch. None leaves them as they are.
        class_names: the names of the labels.
    """

    def __init__(
        self,
        examples: Examples,
        indices: Tensor,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
        class_names: tuple[str, ...] = DIGITS,
    ) -> None:
        self.examples = examples
        self.indices = indices
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.class_names = class_names
        self._augmented: AugmentedEpoch | None = None
        self._upright: UprightImages | None = None
        self._memory = torch.empty(0)

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.indices)

    def __getitem__(self, index: int | slice | Tensor | list[int] | Part) -> MiniBatch | SharedMiniBatch | Block:
        """Return one example, a mini-batch, a process's share of it, or a block."""
        if isinstance(index, Part):
            return self._part(index)
        images, labels = self.images(index), self.labels(index)
        if isinstance(index, int):
            return MiniBatch(self.preprocessing(images[None])[0], labels)
        return MiniBatch(self.preprocessing(images), labels)

    def images(self, index: int | slice | Tensor | list[int] = slice(None)) -> Tensor:
        """Return images of the split, (..., 28, 28) uint8; by default all."""
        return self.examples.images[self.indices[index].to(self.examples.images.device)]

    def labels(self, index: int | slice | Tensor | list[int] = slice(None)) -> Tensor:
        """Return the digits of examples of the split; by default all."""
        return self.examples.labels[self.indices[index].to(self.examples.labels.device)]

    def __getitems__(self, indices: list[int]) -> list[MiniBatch]:
        """Return several examples. DataLoaders with a batch size of their own call it."""
        batch = self[torch.tensor(indices)]
        return [MiniBatch(image, label) for image, label in zip(batch[0], batch[1], strict=True)]

    def _part(self, part: Part) -> MiniBatch | SharedMiniBatch | Block:
        labels = self.examples.labels
        indices = part.epoch.order[part.start : part.stop]
        share = slice(part.rank, None, part.world_size)
        own = indices[share]
        if self.augmentation is not None:
            activations = self._augmented_epoch(part, self.augmentation)(part.start, part.stop)[share]
        else:
            activations = self._activations(own, self._block_memory(len(own)) if part.is_block else None)
        if part.is_block:
            return Block(activations, labels[own], part.batch_size)
        if part.world_size == 1:
            return MiniBatch(activations, labels[own])
        return SharedMiniBatch(activations, labels[own], len(indices) / part.world_size)

    def _activations(self, indices: Tensor, out: Tensor | None) -> Tensor:
        """Return the activations of examples of the split, without augmentation, (B, 784)."""
        if not self.preprocessing.deskew:
            return self.preprocessing(self.examples.images.index_select(0, indices), out)
        if self._upright is None:
            self._upright = UprightImages(self.examples, self.indices.to(self.examples.images.device))
        return self.preprocessing._replace(deskew=False)(self._upright.index_select(indices), out)

    def _augmented_epoch(self, part: Part, augmentation: Augmentation) -> AugmentedEpoch:
        """Return the augmented images of the part's epoch. They are kept for its other parts."""
        if self._augmented is None or self._augmented.epoch is not part.epoch:
            self._augmented = AugmentedEpoch(self.examples, part.epoch, self.preprocessing, augmentation)
        return self._augmented

    def _block_memory(self, n: int) -> Tensor:
        """Return the memory for the activations of a block, (n, 784). The next block uses it again."""
        images = self.examples.images
        if n > len(self._memory):
            self._memory = torch.empty(n, images.shape[1:].numel(), device=images.device)
        return self._memory[:n]


class MiniBatchLoader(DataLoader[Any]):
    """A DataLoader that Lightning can resume within an epoch."""

    def state_dict(self) -> dict[str, int]:
        """Return the position in the epoch."""
        sampler = self.sampler
        return sampler.position() if isinstance(sampler, MiniBatchSampler) else {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Restore it, unless `MNISTData` has done so."""
        sampler = self.sampler
        if isinstance(sampler, MiniBatchSampler) and not sampler.resumed:
            sampler.resume_at(**state_dict)


def mini_batches(dataset: SplitDataset, sampler: MiniBatchSampler) -> MiniBatchLoader:
    """Return the loader of a split. There are no workers, because all images are in memory."""
    return MiniBatchLoader(dataset, batch_size=None, sampler=sampler, collate_fn=_unchanged)


def _unchanged(batch: Any) -> Any:
    """Return what the dataset gives, which are tensors already."""
    return batch


def sampler_of(loader: object) -> MiniBatchSampler | None:
    """Return the sampler of a loader that `mini_batches` made; None for any other loader."""
    sampler = getattr(loader, "sampler", None)
    return sampler if isinstance(sampler, MiniBatchSampler) else None
