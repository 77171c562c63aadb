"""Evaluation of a trained net on one split: cost, accuracy, precision and recall, confusion matrix, worst mistakes."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mnist_mlp.data.class_names import class_name
from mnist_mlp.data.loader import SplitDataset
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Digit:
    """The metrics of one digit, or of one class of another data set. A metric is None if it is a mean over no images.

    digit: 0 to 9, the label.
    images: number of images that show the digit.
    average_cost: mean cost of these images.
    precision: the fraction of the images with this predicted class that show the digit.
    recall: the fraction of the images that show the digit that have this predicted class.
    """

    digit: int
    images: int
    average_cost: float | None
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Mistake:
    """One wrongly classified image.

    index: position of the image, counted from 0, in the data set's training files; for the split "test", in its test
        files.
    label: the digit that the image shows.
    guess: the predicted class.
    cost: cost of the image.
    activations: ten output activations.
    file: path of the picture, if the data set is a folder of pictures.
    """

    index: int
    label: int
    guess: int
    cost: float
    activations: list[float]
    file: str | None


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one split.

    split: name of the split.
    images: number of images.
    average_cost: mean cost of all images.
    accuracy: fraction of correctly classified images, 0 to 1.
    class_names: the names of the labels.
    digits: the metrics of each digit.
    confusion: confusion[label][predicted class], numbers of images.
    mistakes: the wrongly classified images with the highest costs, highest first.
    """

    split: str
    images: int
    average_cost: float
    accuracy: float
    class_names: list[str]
    digits: list[Digit]
    confusion: list[list[int]]
    mistakes: list[Mistake]


def evaluation(
    trained: Trained,
    split: Split,
    data_dir: str | None = None,
    worst: int = 10,
    tta: int = 0,
    strength: float = 0.5,
) -> Evaluation:
    """Evaluate a net on one split of the data that it was trained on, split as in training.

    Args:
        trained: the net.
        split: the name of the split.
        data_dir: the folder of the data set, if it has changed since training.
        worst: the number of mistakes to list.
        tta: test-time augmentation: the number of augmented versions of each image, whose output activations are
            averaged. 0 evaluates the images themselves.
        strength: strength of the test-time augmentation, relative to training.

    Raises:
        InputError: the net has no such split, the data set cannot be read or has other classes, or `tta` is given for a
            net that was trained without augmentation.
    """
    data = trained.training_data(data_dir)
    data.setup()
    names = trained.class_names or data.class_names
    if data.class_names != names:
        raise InputError(
            f"the net knows the classes {', '.join(names)}, but the data set has {', '.join(data.class_names)}; "
            "give the folder of its data with --data_dir."
        )
    loaders = {"train": data.train_dataloader, "validation": data.val_dataloader, "test": data.test_dataloader}
    examples = getattr(loaders[split](), "dataset", None)
    if not isinstance(examples, SplitDataset):
        raise InputError("the net was trained without a validation split; give --split train or --split test.")
    indices, images, labels = examples.indices, examples.images(), examples.labels()
    if not tta:
        activations = trained.activations(images)
    elif data.augmentation is None:
        raise InputError("the net was not trained on augmented images, so --tta does not apply; leave it out.")
    else:
        activations = trained.averaged_activations(images, data.augmentation.times(strength), tta)
    predicted = activations.argmax(dim=1)
    costs = trained.net.cost(activations, labels).double()
    # With fewer than ten classes, some output neurons have none. They are left out unless one is a predicted class.
    n_classes = max(len(names), int(predicted.max()) + 1)
    confusion = multiclass_confusion_matrix(predicted, labels, num_classes=10)[:n_classes, :n_classes]
    files = data.files.get("test" if split == "test" else "train")
    mistakes = (predicted != labels).nonzero().flatten()
    mistakes = mistakes[costs[mistakes].argsort(descending=True, stable=True)][:worst]
    return Evaluation(
        split=split,
        images=len(labels),
        average_cost=float(costs.mean()),
        accuracy=float((predicted == labels).double().mean()),
        class_names=[class_name(names, label) for label in range(n_classes)],
        digits=[_digit(d, confusion, costs[labels == d]) for d in range(n_classes)],
        confusion=confusion.tolist(),
        mistakes=[
            Mistake(
                index=int(indices[i]),
                label=int(labels[i]),
                guess=int(predicted[i]),
                cost=float(costs[i]),
                activations=activations[i].tolist(),
                file=str(files[int(indices[i])]) if files else None,
            )
            for i in mistakes
        ],
    )


def _digit(digit: int, confusion: Tensor, costs: Tensor) -> Digit:
    """Return the metrics of one digit.

    Args:
        digit: 0 to 9.
        confusion: (n, n) for n classes; rows are labels, columns are predicted classes.
        costs: the costs of the images that show the digit.
    """
    images, predicted, correct = len(costs), int(confusion[:, digit].sum()), int(confusion[digit, digit])
    return Digit(
        digit=digit,
        images=images,
        average_cost=float(costs.mean()) if images else None,
        precision=correct / predicted if predicted else None,
        recall=correct / images if images else None,
    )
