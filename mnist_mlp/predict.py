"""`python -m mnist_mlp.predict`: classify pictures of digits."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.inference.picture import SUFFIXES, mnist_form, read_image
from mnist_mlp.options import Parser

STDIN = "-"


class Prediction(NamedTuple):
    """What the net says of one picture.

    image: name of the picture.
    digit: the predicted class.
    activations: ten output activations.
    """

    image: str
    digit: int
    activations: list[float]


def predict(args: Sequence[str] | None = None) -> None:
    """Run the command.

    Args:
        args: its options; None takes those of the process.

    Raises:
        InputError: a picture or the net cannot be used. Nothing is printed in that case.
    """
    options = _parser().parse_args(args)
    names = [name for given in options.image for name in _pictures(given)]
    images = np.stack([_read(name) for name in names])

    # These imports take seconds, so errors in the pictures are reported before them.
    import torch

    from mnist_mlp.inference.find import named_or_found_net

    activations = named_or_found_net(options.ckpt).activations(torch.from_numpy(images)).tolist()
    predictions = [Prediction(name, a.index(max(a)), a) for name, a in zip(names, activations, strict=True)]
    print(_as_json(predictions) if options.json else _as_text(predictions))


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.predict",
        description="Print the digit that a picture shows, and the activations of the ten output neurons.",
    )
    parser.add_argument(
        "image",
        nargs="+",
        type=str,
        metavar="IMAGE",
        help="Pictures of one digit each, of any size, dark on light or light on dark. A folder stands for all "
        "pictures in it, sorted by name; - reads one picture from stdin.",
    )
    parser.add_ckpt_argument()
    parser.add_argument(
        "--json",
        action="store_true",
        help='Print one JSON document, a list of {"image": name, "digit": 0 to 9, "activations": [ten numbers]}.',
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
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
    except OSError as error:
        raise InputError(f"{given} cannot be read ({error.strerror or error}); give another folder.") from error
    if not found:
        raise InputError(f"there are no pictures in the folder {given} ({', '.join(SUFFIXES)}).")
    return found


def _read(name: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Read one picture and bring it to MNIST's form."""
    try:
        return mnist_form(read_image(sys.stdin.buffer if name == STDIN else Path(name)))
    except InputError as error:
        raise InputError(f"{'the picture from stdin' if name == STDIN else name}: {error}") from error


def _as_text(predictions: Sequence[Prediction]) -> str:
    width = max(len("image"), *(len(p.image) for p in predictions))
    lines = [f"{'image':{width}}  digit  " + "  ".join(f"{digit:6}" for digit in range(10))]
    lines += [f"{p.image:{width}}  {p.digit:5}  " + "  ".join(f"{a:6.3f}" for a in p.activations) for p in predictions]
    return "\n".join(lines)


def _as_json(predictions: Sequence[Prediction]) -> str:
    return "[" + ",\n ".join(json.dumps(p._asdict()) for p in predictions) + "]"


if __name__ == "__main__":
    run_command(predict)
