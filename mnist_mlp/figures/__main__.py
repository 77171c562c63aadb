"""Command `python -m mnist_mlp.figures`: draw the article's nine figures, computed from a trained net.

Imports that take seconds, and matplotlib, which is optional, come after the check of the options. So `--help` is fast
and works without matplotlib.
"""

import io
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jsonargparse.typing import PositiveInt

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.files import write_atomically
from mnist_mlp.options import SEED, Parser, whole_number

NAMES = ("net", "neuron", "answers", "cost", "gradient", "sigmoid", "xor", "ablations", "errors")  # the keys of FIGURES
NUMBERS = {name: number for number, name in enumerate(NAMES, start=1)}
FORMATS = ("png", "svg")
FOLDER = "figures"
EVENTS_SUFFIX = ".figures"  # marks this command's event files, which the next call replaces
ABLATION_EPOCHS = 5


def figures(args: Sequence[str] | None = None) -> None:
    """Run the command with these options, or with those of the process if None.

    All figures are made before the first file is written.

    Raises:
        InputError: an option or the net cannot be used, or matplotlib is missing.
    """
    options = _parser().parse_args(args)
    names = _chosen_names(options.only)
    try:
        import matplotlib  # noqa: F401 (registry.py needs it)
    except ImportError as error:
        raise InputError(
            "for figures the package matplotlib is needed; install it: python -m pip install matplotlib."
        ) from error

    from mnist_mlp.figures.registry import FIGURES
    from mnist_mlp.figures.style import drawing_style, render
    from mnist_mlp.figures.subject import Subject
    from mnist_mlp.inference.find import find_net, run_folder
    from mnist_mlp.inference.load import load_net

    path = Path(options.ckpt) if options.ckpt is not None else find_net(prefer_own_runs=True)
    subject = Subject(load_net(path), options.digit, options.seed, options.data_dir, options.ablation_epochs)
    out = Path(options.out) if options.out is not None else Path(run_folder(path) or ".") / FOLDER
    with _writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
    print(f"the net is {path}", flush=True)
    files: dict[str, bytes] = {}
    for name in names:
        print(f"figure {NUMBERS[name]}, {name}", flush=True)
        with drawing_style():
            figure = FIGURES[name](subject)
            files |= {_file_name(name, file_format): render(figure, file_format) for file_format in FORMATS}
    with _writing_to(out):
        for file_name, content in files.items():
            write_atomically(out / file_name, content)
        _show_in_tensorboard(out)
    print(f"wrote {len(files)} files to {out}; see also: tensorboard --logdir {shlex.quote(str(out.parent))}")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.figures",
        description="Compute and draw the article's figures from a trained net: "
        + ", ".join(f"{number} {name}" for name, number in NUMBERS.items())
        + ". Each figure is written as PNG and as SVG. TensorBoard shows it under IMAGES.",
    )
    parser.add_ckpt_argument(prefer_own_runs=True)
    parser.add_argument(
        "--out",
        type=str | None,
        default=None,
        metavar="DIR",
        help="The folder to write to; figures of an earlier call are replaced. If left out, it is `figures` in the "
        "folder of the checkpoint's run, or in the current folder for a net without a run.",
    )
    parser.add_argument(
        "--only", nargs="+", type=str, default=None, metavar="NAME", help="Only these figures, by name or number."
    )
    parser.add_argument(
        "--digit", type=whole_number(0, 9), default=3, help="The digit of the example in figures 1 to 4 and 9."
    )
    parser.add_argument(
        "--seed",
        type=SEED,
        default=0,
        help="The seed of the untrained net in figure 3 (the run's seed gives the run's initial weights) and of the "
        "nets that are trained for figures 7 and 8.",
    )
    parser.add_argument(
        "--ablation_epochs",
        type=PositiveInt,
        default=ABLATION_EPOCHS,
        metavar="N",
        help="Epochs of each net of figure 8.",
    )
    parser.add_data_dir_argument()
    return parser


def _chosen_names(only: Sequence[str] | None) -> list[str]:
    """Return the names of the figures to make, in the article's order, from names and numbers.

    Raises:
        InputError: there is no such figure.
    """
    by_number = {str(number): name for name, number in NUMBERS.items()}
    chosen = [by_number.get(given, given) for given in only or NAMES]
    for name in chosen:
        if name not in NAMES:
            raise InputError(f"there is no figure {name!r}; --only takes {', '.join(NAMES)}, or numbers from 1 on.")
    return [name for name in NAMES if name in chosen]


@contextmanager
def _writing_to(out: Path) -> Iterator[None]:
    """Turn an OSError into an InputError that names the folder."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write to the folder {out}: {error.strerror or error}; give another --out.") from error


def _file_name(name: str, file_format: str) -> str:
    return f"figure_{NUMBERS[name]}_{name}.{file_format}"


def _show_in_tensorboard(out: Path) -> None:
    """Write one event file with all figures in `out`, and remove those of earlier calls."""
    import numpy as np
    from PIL import Image
    from torch.utils.tensorboard import SummaryWriter

    earlier = list(out.glob(f"events.out.tfevents.*{EVENTS_SUFFIX}"))
    with SummaryWriter(str(out), filename_suffix=EVENTS_SUFFIX) as writer:
        for name in NAMES:
            if (path := out / _file_name(name, "png")).is_file():
                with Image.open(io.BytesIO(path.read_bytes())) as image:
                    writer.add_image(f"figures/{path.stem}", np.asarray(image.convert("RGB")), 0, dataformats="HWC")
    for path in earlier:
        path.unlink()


if __name__ == "__main__":
    run_command(figures)
