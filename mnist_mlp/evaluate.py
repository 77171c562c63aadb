"""`python -m mnist_mlp.evaluate`: how good a trained net is on a split, digit by digit, and where it errs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from mnist_mlp.batches import MiniBatches
from mnist_mlp.errors import InputError, one_sentence_errors
from mnist_mlp.options import Parser
from mnist_mlp.trained import Trained, named_or_found_net

Split = Literal["train", "validation", "test"]
Format = Literal["text", "csv", "json"]


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
    elif data.deformation is None:
        raise InputError("the net was not trained on deformed images, so it has no deformations for --versions.")
    else:
        activations = trained.averaged_activations(images, data.deformation.times(strength), versions)
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


def as_text(e: Evaluation) -> str:
    """For the reader."""
    lines = [
        f"{e.split} split, {e.images:,} images: accuracy {e.accuracy:.2%}, average cost {e.average_cost:.5f}",
        "",
        "digit  images  average cost  precision   recall",
    ]
    for d in e.digits:
        cost, precision, recall = (
            _or_dash(d.average_cost, ".5f"),
            _or_dash(d.precision, ".2%"),
            _or_dash(d.recall, ".2%"),
        )
        lines.append(f"{d.digit:5}  {d.images:6}  {cost:>12}  {precision:>9}  {recall:>7}")
    lines += ["", "label  guess" + "".join(f"{guess:6}" for guess in range(10))]
    lines += [f"{label:5}       " + "".join(f"{n or '.':>6}" for n in row) for label, row in enumerate(e.confusion)]
    if e.mistakes:
        lines += ["", "the worst mistakes", "index  label  guess     cost   activations of 0 to 9"]
    for m in e.mistakes:
        activations = " ".join(f"{a:6.3f}" for a in m.activations)
        lines.append(f"{m.index:5}  {m.label:5}  {m.guess:5}  {m.cost:.5f}  {activations}")
    return "\n".join(lines)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def as_csv(e: Evaluation) -> str:
    """One figure a line: the table that it is of, its row and column there, and its value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    writer.writerows(_figures(e))
    return text.getvalue().rstrip("\n")


def _figures(e: Evaluation) -> Iterator[tuple[str, Any, Any, Any]]:
    for name in ("split", "images", "average_cost", "accuracy"):
        yield "summary", "", name, getattr(e, name)
    for d in e.digits:
        for name in ("images", "average_cost", "precision", "recall"):
            yield "digits", d.digit, name, getattr(d, name)
    for label, row in enumerate(e.confusion):
        for guess, n in enumerate(row):
            yield "confusion", label, guess, n
    for m in e.mistakes:
        for name in ("label", "guess", "cost"):
            yield "mistakes", m.index, name, getattr(m, name)
        for digit, activation in enumerate(m.activations):
            yield "mistakes", m.index, digit, activation


def as_json(e: Evaluation) -> str:
    """One document, with the names of Evaluation's fields."""
    return json.dumps(asdict(e))


def evaluate(args: Sequence[str] | None = None) -> None:
    """Run the command with these options; None takes those of the process.

    Raises:
        InputError: something given cannot be used.
    """
    options = _parser().parse_args(args)
    if options.worst < 0:
        raise InputError(f"--worst is {options.worst}; give 0 or more.")
    if options.versions < 0:
        raise InputError(f"--versions is {options.versions}; give 0 or more, such as 32.")
    if not 0 <= options.strength <= 1:
        raise InputError(f"--strength is {options.strength}; give a factor from 0 to 1, such as 0.5.")
    trained = named_or_found_net(options.ckpt, own_first=True)
    figures = evaluation(trained, options.split, options.data_dir, options.worst, options.versions, options.strength)
    print({"text": as_text, "csv": as_csv, "json": as_json}[options.format](figures))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.evaluate",
        description="Say how good a trained net is on a split of what it was trained on: its average cost and "
        "accuracy, the same digit by digit, the confusion matrix, and the worst mistakes.",
    )
    parser.add_ckpt_argument(own_first=True)
    parser.add_argument(
        "--split",
        type=Split,
        default="validation",
        help="Cut as it was for the net's training. The validation split is there to compare nets by: whoever "
        "chooses one by its test figures can no longer believe them.",
    )
    parser.add_argument(
        "--format",
        type=Format,
        default="text",
        help="csv gives one figure a line (table,row,column,value), json one document.",
    )
    parser.add_argument("--worst", type=int, default=10, metavar="N", help="How many mistakes to list.")
    parser.add_argument(
        "--versions",
        type=int,
        default=0,
        metavar="N",
        help="Average the net's answers over N deformed versions of each image, as the net was trained on.",
    )
    parser.add_argument(
        "--strength", type=float, default=0.5, metavar="F", help="How strong these deformations are; in training, 1."
    )
    parser.add_data_dir_argument()
    return parser


def main() -> None:
    with one_sentence_errors():
        evaluate()


if __name__ == "__main__":
    main()
