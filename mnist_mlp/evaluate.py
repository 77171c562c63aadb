"""`python -m mnist_mlp.evaluate`: print how well a trained net classifies a split, and its worst mistakes."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt

from mnist_mlp.errors import run_command
from mnist_mlp.options import Parser

if TYPE_CHECKING:
    from mnist_mlp.inference.evaluation import Evaluation

Format = Literal["text", "csv", "json"]
Split = Literal["train", "validation", "test"]  # as in inference/evaluation.py


def as_text(e: "Evaluation") -> str:
    """Format the evaluation as text."""
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
    lines += ["", "label  guess" + "".join(f"{digit:6}" for digit in range(10))]
    lines += [f"{label:5}       " + "".join(f"{n or '.':>6}" for n in row) for label, row in enumerate(e.confusion)]
    if e.mistakes:
        lines += ["", "the worst mistakes", "index  label  guess     cost   activations of 0 to 9"]
    for m in e.mistakes:
        activations = " ".join(f"{a:6.3f}" for a in m.activations)
        lines.append(f"{m.index:5}  {m.label:5}  {m.guess:5}  {m.cost:.5f}  {activations}")
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
    for d in e.digits:
        for name in ("images", "average_cost", "precision", "recall"):
            yield "digits", d.digit, name, getattr(d, name)
    for label, row in enumerate(e.confusion):
        for predicted, n in enumerate(row):
            yield "confusion", label, predicted, n
    for m in e.mistakes:
        for name in ("label", "guess", "cost"):
            yield "mistakes", m.index, name, getattr(m, name)
        for digit, activation in enumerate(m.activations):
            yield "mistakes", m.index, digit, activation


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
        "and accuracy, the metrics of each digit, the confusion matrix, and the worst mistakes.",
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
