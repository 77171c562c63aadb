"""`python -m mnist_mlp.evaluate`: how good a trained net is on a split, digit by digit, and where it errs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.inference.evaluation import Evaluation, Split, evaluation
from mnist_mlp.inference.find import named_or_found_net
from mnist_mlp.options import Parser

Format = Literal["text", "csv", "json"]


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
    trained = named_or_found_net(options.ckpt, prefer_own_runs=True)
    figures = evaluation(trained, options.split, options.data_dir, options.worst, options.versions, options.strength)
    print({"text": as_text, "csv": as_csv, "json": as_json}[options.format](figures))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.evaluate",
        description="Say how good a trained net is on a split of what it was trained on: its average cost and "
        "accuracy, the same digit by digit, the confusion matrix, and the worst mistakes.",
    )
    parser.add_ckpt_argument(prefer_own_runs=True)
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


if __name__ == "__main__":
    run_command(evaluate)
