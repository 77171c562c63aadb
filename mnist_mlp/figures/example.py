"""The image that figures 1 to 4 and 9 use as their example."""

from typing import NamedTuple

from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained


class Example(NamedTuple):
    """A labelled image.

    image: (28, 28) uint8.
    label: the digit.
    position: the index in the training files, from 0.
    split: "validation" or "training".
    """

    image: Tensor
    label: int
    position: int
    split: str


def training_examples(data: MNISTData) -> Examples:
    """Return all examples of the training files. `data.train_indices` and `data.val_indices` index into them."""
    data.setup()
    examples: Examples = data.train_dataloader().dataset.examples  # type: ignore[attr-defined]
    return examples


def choose_example(trained: Trained, data: MNISTData, digit: int) -> Example:
    """Choose one image of `digit` that the net classifies correctly, but with some doubt.

    Doubt means that the second largest output activation is more than a tenth of the way from the target value "no"
    to the target value "yes". Without doubt, nearly all numbers in the figures would be 0 or 1. The candidates are the
    validation images of the digit, or the training images if there are none. The first correct image with doubt is
    taken, else the first correct one, else the first.

    Raises:
        InputError: there is no image of the digit.
    """
    examples = training_examples(data)
    splits = {"validation": data.val_indices, "training": data.train_indices}
    candidates = {split: indices[examples.labels[indices] == digit] for split, indices in splits.items()}
    split = next((split for split, indices in candidates.items() if len(indices)), None)
    if split is None:
        raise InputError(f"no image of what the net was trained on shows a {digit}; give another --digit.")
    indices = candidates[split]
    activations = trained.activations(examples.images[indices])
    no, yes = trained.net.hparams["target_values"]
    correct = activations.argmax(dim=1) == digit
    doubt = activations.topk(2).values[:, 1] > no + (yes - no) / 10
    best = int((correct.int() + (correct & doubt).int()).argmax())  # argmax takes the first of equal maxima
    return Example(examples.images[indices[best]], digit, int(indices[best]), split)
