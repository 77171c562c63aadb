"""TODO inference.evaluation."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mnist_mlp.data.loader import MiniBatches
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Digit:
    """One digit's figures; None where they mean nothing, because no image shows the digit or none was guessed to.

    precision: of the images guessed to show this digit, the share that does.
    recall: of the images that show this digit, the share that was guessed so.
    """

    digit: int
    images: int
    average_cost: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Mistake:
    """One wrong guess. index: the image's place, counted from 0, in the data set's training files, or for the split
    "test" in its test files."""

    index: int
    label: int
    guess: int
    cost: float
    activations: list[float]


@dataclass(frozen=True)
class Evaluation:
    """confusion[label][guess]: a number of images. mistakes: the worst ones, the most costly first."""

    split: str
    images: int
    average_cost: float
    accuracy: float
    digits: list[Digit]
    confusion: list[list[int]]
    mistakes: list[Mistake]


def evaluation(
    trained: Trained,
    split: Split,
    data_dir: str | None = None,
    worst: int = 10,
    versions: int = 0,
    strength: float = 0.5,
) -> Evaluation:
    """The figures of a net on a split, which is cut as it was for the net's training.

    Args:
        trained: the net.
        split: of what it was trained on.
        data_dir: where the data set is now, if not where it was in training.
        worst: how many mistakes to list.
        versions: 0 for the net's answers to the images; else its mean answers to so many deformed versions of each.
        strength: of these deformations; 1 is that of the net's training.

    Raises:
        InputError: the split is empty or not known, the data set cannot be read, or the net was not trained on
            deformed images but versions are asked for.
    """
    data = trained.training_data(data_dir)
    data.setup()
    loaders = {"train": data.train_dataloader, "validation": data.val_dataloader, "test": data.test_dataloader}
    batches = loaders[split]()
    if not isinstance(batches, MiniBatches):
        raise InputError("the net was trained without a validation split; give --split train or --split test.")
    indices = batches.indices
    labels = batches.examples.labels[indices]
    images = batches.examples.images[indices]
    if not versions:
        activations = trained.activations(images)
    elif data.augmentation is None:
        raise InputError("the net was not trained on deformed images, so it has no deformations for --versions.")
    else:
        activations = trained.averaged_activations(images, data.augmentation.times(strength), versions)
    guesses = activations.argmax(dim=1)
    costs = trained.net.cost(activations, labels).double()
    confusion = multiclass_confusion_matrix(guesses, labels, num_classes=10)
    mistakes = (guesses != labels).nonzero().flatten()
    mistakes = mistakes[costs[mistakes].argsort(descending=True, stable=True)][:worst]
    return Evaluation(
        split=split,
        images=len(labels),
        average_cost=float(costs.mean()),
        accuracy=float((guesses == labels).double().mean()),
        digits=[_digit(d, confusion, costs[labels == d]) for d in range(10)],
        confusion=confusion.tolist(),
        mistakes=[
            Mistake(int(indices[i]), int(labels[i]), int(guesses[i]), float(costs[i]), activations[i].tolist())
            for i in mistakes
        ],
    )


def _digit(digit: int, confusion: Tensor, costs: Tensor) -> Digit:
    """`costs`: of the images that show the digit."""
    images, guessed, right = len(costs), int(confusion[:, digit].sum()), int(confusion[digit, digit])
    return Digit(
        digit=digit,
        images=images,
        average_cost=float(costs.mean()) if images else None,
        precision=right / guessed if guessed else None,
        recall=right / images if images else None,
    )
