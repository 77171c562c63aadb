"""`python -m mnist_mlp.evaluate`: print how well a trained net classifies a split, and its worst mistakes."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt

from mnist_mlp.data.class_names import class_name
from mnist_mlp.errors import run_command
from mnist_mlp.options import Parser

if TYPE_CHECKING:
    from mnist_mlp.inference.evaluation import Evaluation

Format = Literal["text", "csv", "json"]
Split = Literal["train", "validation", "test"]  # as in inference/evaluation.py
LONGEST_NAME = 12  # letters of a class's name in the text; longer names are cut


def as_text(e: "Evaluation") -> str:
    """Format the evaluation as text."""
    names = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in e.class_names]
    width = max(5, *map(len, names))
    title = "digit" if all(map(str.isdecimal, names)) else "class"
    lines = [
        f"{e.split} split, {e.images:,} images: accuracy {e.accuracy:.2%}, average cost {e.average_cost:.5f}",
        "",
        f"{title:>{width}}  images  average cost  precision   recall",
    ]
    for name, d in zip(names, e.digits, strict=True):
        cost, precision, recall = (
            _or_dash(d.average_cost, ".5f"),
            _or_dash(d.precision, ".2%"),
            _or_dash(d.recall, ".2%"),
        )
        lines.append(f"{name:>{width}}  {d.images:6}  {cost:>12}  {precision:>9}  {recall:>7}")
    lines += ["", f"{'label':>{width}}  guess" + "".join(f"{name:>{width + 1}}" for name in names)]
    for name, row in zip(names, e.confusion, strict=True):
        lines.append(f"{name:>{width}}       " + "".join(f"{n or '.':>{width + 1}}" for n in row))
    if e.mistakes:
        order = "of 0 to 9" if title == "digit" and len(names) == 10 else "in the order of the classes above"
        head = f"index  {'label':>{width}}  {'guess':>{width}}     cost   activations {order}"
        lines += ["", "the worst mistakes", head]
    for m in e.mistakes:
        activations = " ".join(f"{a:6.3f}" for a in m.activations)
        classes = f"{names[m.label]:>{width}}  {names[m.guess]:>{width}}"
        lines.append(f"{m.index:5}  {classes}  {m.cost:.5f}  {activations}" + (f"  {m.file}" if m.file else ""))
    return "\n".join(lines)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def as_csv(e: "Evaluation") -> str:
    """Format the evaluation as CSV, one number per line: its table, its row and column there, and its value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["table", "row", "column", "value"])
    writer.writerows(_csv_rows(e))
    return text.getvalue().rstrip("\n")


def _csv_rows(e: "Evaluation") -> Iterator[tuple[str, Any, Any, Any]]:
    for name in ("split", "images", "average_cost", "accuracy"):
        yield "summary", "", name, getattr(e, name)
    classes = e.class_names
    for d in e.digits:
        for name in ("images", "average_cost", "precision", "recall"):
            yield "digits", classes[d.digit], name, getattr(d, name)
    for label, row in zip(classes, e.confusion, strict=True):
        for predicted, n in zip(classes, row, strict=True):
            yield "confusion", label, predicted, n
    for m in e.mistakes:
        yield "mistakes", m.index, "label", classes[m.label]
        yield "mistakes", m.index, "guess", classes[m.guess]
        yield "mistakes", m.index, "cost", m.cost
        if m.file is not None:
            yield "mistakes", m.index, "file", m.file
        for output, activation in enumerate(m.activations):
            yield "mistakes", m.index, class_name(classes, output), activation


def as_json(e: "Evaluation") -> str:
    """Format the evaluation as one JSON document, with the names of Evaluation's fields."""
    return json.dumps(asdict(e))


def evaluate(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        args: its options; None takes those of the process.

    Raises:
        InputError: an option, the net or the data set cannot be used.
    """
    options = _parser().parse_args(args)

    # These imports take seconds, so --help and errors in the options come before them.
    from mnist_mlp.inference.evaluation import evaluation
    from mnist_mlp.inference.find import named_or_found_net

    trained = named_or_found_net(options.ckpt, prefer_own_runs=True)
    result = evaluation(trained, options.split, options.data_dir, options.worst, options.tta, options.strength)
    print({"text": as_text, "csv": as_csv, "json": as_json}[options.format](result))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.evaluate",
        description="Evaluate a trained net on one split of the data that it was trained on. Print its average cost "
        "and accuracy, the metrics of each digit or class, the confusion matrix, and the worst mistakes.",
    )
    parser.add_ckpt_argument(prefer_own_runs=True)
    parser.add_argument(
        "--split",
        type=Split,
        default="validation",
        help="The data is split as in training. Compare nets on the validation split: the test error of a net that was "
        "chosen by its test error is too optimistic.",
    )
    parser.add_argument(
        "--format",
        type=Format,
        default="text",
        help="csv prints one number per line (table,row,column,value), json one document.",
    )
    parser.add_argument("--worst", type=NonNegativeInt, default=10, metavar="N", help="Number of mistakes to list.")
    parser.add_argument(
        "--tta",
        type=NonNegativeInt,
        default=0,
        metavar="N",
        help="Test-time augmentation: average the output activations over N augmented versions of each image. For nets "
        "that were trained on augmented images.",
    )
    parser.add_argument(
        "--strength",
        type=ClosedUnitInterval,
        default=0.5,
        metavar="F",
        help="Strength of the test-time augmentation, relative to training.",
    )
    parser.add_data_dir_argument()
    return parser


if __name__ == "__main__":
    run_command(evaluate)
