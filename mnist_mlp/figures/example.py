"""The numbers of the article's figures 1 to 4: a trained net and one real image, in forward propagation.

One function per figure, each without side effects. mnist_mlp/figure_drawing.py draws what they return.
"""

from typing import NamedTuple

from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained


class Example(NamedTuple):
    """image: (28, 28) uint8. label: the digit. place: in the training files, from 0 on. split: its name."""

    image: Tensor
    label: int
    place: int
    split: str


def training_files(data: MNISTData) -> Examples:
    """The training and validation images, all that `data.train_indices` and `data.val_indices` point at."""
    data.setup()
    return data.train_dataloader().examples


def choose_example(trained: Trained, data: MNISTData, digit: int) -> Example:
    """One image of `digit` for all figures: guessed right, but not without doubt, so that not all numbers are 0 or 1.

    Of the validation images of this digit (of the training images, if it is not among them), it is the first that is
    guessed right while a second output neuron goes more than a tenth of the way from "no" to "yes"; if there is none
    such, the first that is guessed right, else the first.

    Raises:
        InputError: there is no image of the digit.
    """
    examples = training_files(data)
    splits = {"validation": data.val_indices, "training": data.train_indices}
    shows = {split: indices[examples.labels[indices] == digit] for split, indices in splits.items()}
    split = next((split for split, indices in shows.items() if len(indices)), None)
    if split is None:
        raise InputError(f"no image of what the net was trained on shows a {digit}; give another --digit.")
    indices = shows[split]
    activations = trained.activations(examples.images[indices])
    no, yes = trained.net.hparams["target_values"]
    right = activations.argmax(dim=1) == digit
    doubt = activations.topk(2).values[:, 1] > no + (yes - no) / 10
    place = int((right.int() + (right & doubt).int()).argmax())  # the first of the largest
    return Example(examples.images[indices[place]], digit, int(indices[place]), split)
