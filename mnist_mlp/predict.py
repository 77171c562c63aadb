"""`python -m mnist_mlp.predict`: classify pictures of digits."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.options import Parser
from mnist_mlp.pictures.read import SUFFIXES, UNREAD, read_image

if TYPE_CHECKING:
    from mnist_mlp.inference.trained import Trained
    from mnist_mlp.pictures.form import View

STDIN = "-"


class Prediction(NamedTuple):
    """What the net says of one digit.

    image: name of the picture.
    box: left, top, right, bottom of the digit in the picture's pixels.
    digit: the predicted class.
    activations: ten output activations.
    sure: as mnist_mlp.inference.confidence says.
    """

    image: str
    box: tuple[int, int, int, int]
    digit: int
    activations: list[float]
    sure: bool


def predict(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Pictures that cannot be used are named on stderr, each with its reason. The others are answered.

    Args:
        args: its options; None takes those of the process.

    Raises:
        InputError: a picture, the net or a folder cannot be used.
    """
    options = _parser().parse_args(args)
    names = [name for given in options.image for name in _pictures(given)]
    seen, reasons = _views(names)
    net, predictions = _answers(seen, options.ckpt)
    if options.explain is not None:
        _explain(Path(options.explain), seen, predictions, net)
    if len(names) == len(reasons) == 1:
        raise InputError(reasons[0])
    for reason in reasons:
        print(f"mnist_mlp: error: {reason}", file=sys.stderr)
    if net is not None:
        class_names = _names(net)
        print(_as_json(predictions, class_names) if options.json else _as_text(predictions, class_names))
    for name, picture in seen.items():
        if len(picture.forms) > 1:
            print(f"mnist_mlp: {name} shows {len(picture.forms)} digits, answered from left to right.", file=sys.stderr)
    if reasons:
        raise InputError(f"{len(reasons)} of {len(names)} pictures cannot be used.")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.predict",
        description="Print the digits that pictures show, and the activations of the ten output neurons.",
    )
    parser.add_argument(
        "image",
        nargs="+",
        type=str,
        metavar="IMAGE",
        help="Pictures of digits, of any size, dark on light or light on dark. Several digits in one picture are "
        "answered from left to right. A folder stands for all pictures in it, sorted by name; - reads one picture "
        "from stdin.",
    )
    parser.add_ckpt_argument()
    parser.add_argument(
        "--json",
        action="store_true",
        help='Print one JSON document, a list of {"image": name, "box": [left, top, right, bottom], "digit": 0 to 9, '
        '"activations": [ten numbers], "sure": true or false}, with "class" if the net has names for its classes.',
    )
    parser.add_argument(
        "--explain",
        type=str,
        metavar="DIR",
        help="Write a PNG for each picture into this folder: what was found, what was dropped and why, and what the "
        "net got.",
    )
    return parser


def _pictures(given: str) -> list[str]:
    """Return the names of the pictures that one argument stands for."""
    folder = Path(given)
    if given == STDIN or not folder.is_dir():
        return [given]
    try:
        found = sorted(
            str(path)
            for path in folder.iterdir()
            if path.suffix.lower() in (*SUFFIXES, *UNREAD) and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise InputError(f"{given} cannot be read ({error.strerror or error}); give another folder.") from error
    if not found:
        raise InputError(f"there are no pictures in the folder {given} ({', '.join(SUFFIXES)}).")
    return found


def _views(names: Sequence[str]) -> "tuple[dict[str, View], list[str]]":
    """Read the pictures and look for digits. Return what was seen, and why others cannot be used."""
    from mnist_mlp.pictures.form import view, why_not  # imports scipy, which --help does not need

    seen: dict[str, View] = {}
    reasons = []
    for name in names:
        shown = "the picture from stdin" if name == STDIN else name
        try:
            if name not in seen:
                seen[name] = view(read_image(sys.stdin.buffer if name == STDIN else Path(name)))
            if not seen[name].forms:
                reasons.append(f"{shown}: {why_not(seen[name])}")
        except InputError as error:
            reasons.append(f"{shown}: {error}")
    return seen, reasons


def _answers(seen: "dict[str, View]", ckpt: str | None) -> "tuple[Trained | None, list[Prediction]]":
    """Return the net, and what it says of each digit. Without any digit, no net is loaded."""
    forms = [(name, form) for name, picture in seen.items() for form in picture.forms]
    if not forms:
        return None, []

    # These imports take seconds, so errors in the pictures are reported before them.
    from mnist_mlp.inference.confidence import is_sure
    from mnist_mlp.inference.find import named_or_found_net

    net = named_or_found_net(ckpt)
    activations = net.activations(np.stack([form.image for _, form in forms])).tolist()
    predictions = [
        Prediction(name, form.box, a.index(max(a)), a, is_sure(a))
        for (name, form), a in zip(forms, activations, strict=True)
    ]
    return net, predictions


def _explain(folder: Path, seen: "dict[str, View]", predictions: Sequence[Prediction], net: "Trained | None") -> None:
    """Write a drawing of each picture."""
    from mnist_mlp.pictures.explain import explanation

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, picture) in enumerate(seen.items()):
            answers = [
                f"{_label(p.digit, _names(net))} {max(p.activations):.2f}" + ("" if p.sure else " not sure")
                for p in predictions
                if p.image == name
            ]
            stem = "stdin" if name == STDIN else Path(name).name
            path = folder / f"{stem}.png"
            if path.exists() and number and stem in [Path(other).name for other in list(seen)[:number]]:
                path = folder / f"{number}-{stem}.png"
            explanation(picture, answers).save(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror or error}); give another folder.") from error


def _names(net: "Trained | None") -> Sequence[str] | None:
    """Return the names of the net's classes; None if they are the digits."""
    names = net.class_names if net is not None else None
    return None if names is None or names == tuple("0123456789")[: len(names)] else names


def _label(digit: int, class_names: Sequence[str] | None) -> str:
    return str(digit) if class_names is None else class_names[digit]


def _as_text(predictions: Sequence[Prediction], class_names: Sequence[str] | None) -> str:
    width = max(len("image"), *(len(p.image) for p in predictions))
    labels = [_label(digit, class_names) for digit in range(len(predictions[0].activations))]
    title = "digit" if class_names is None else "class"
    first, columns = max(len(title), *map(len, labels)), [max(6, len(label)) for label in labels]
    if class_names is None:
        first = len(title)
    lines = [
        f"{'image':{width}}  {title:>{first}}  " + "  ".join(f"{x:>{n}}" for x, n in zip(labels, columns, strict=True))
    ]
    for p in predictions:
        numbers = "  ".join(f"{a:{n}.3f}" for a, n in zip(p.activations, columns, strict=True))
        lines.append(f"{p.image:{width}}  {labels[p.digit]:>{first}}  {numbers}" + ("" if p.sure else "  not sure"))
    return "\n".join(lines)


def _as_json(predictions: Sequence[Prediction], class_names: Sequence[str] | None) -> str:
    documents = []
    for p in predictions:
        document: dict[str, Any] = p._asdict()
        if class_names is not None:
            document["class"] = class_names[p.digit]
        documents.append(json.dumps(document))
    return "[" + ",\n ".join(documents) + "]"


if __name__ == "__main__":
    run_command(predict)
