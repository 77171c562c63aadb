"""`python -m mnist_mlp.figures`: the article's eight figures, computed from a trained net."""

import io
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError, run_command
from mnist_mlp.figures.ablations import ABLATION_EPOCHS, ABLATIONS, ablation
from mnist_mlp.figures.answers import before_and_after
from mnist_mlp.figures.cost import cost_term_by_term
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.figures.gradient import cost_against_a_weight
from mnist_mlp.figures.net import net_at_work
from mnist_mlp.figures.neuron import one_neuron
from mnist_mlp.figures.sigmoid import sigmoids
from mnist_mlp.figures.xor import XOR_NETS, xor
from mnist_mlp.files import write_atomically
from mnist_mlp.inference.find import find_net, run_folder
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.options import Parser

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg")
FOLDER = "figures"
EVENTS_SUFFIX = ".figures"  # of the event files that this command writes, and replaces


@dataclass(frozen=True)
class Subject:
    """What the figures are of. seed: of the nets that are drawn or trained for them."""

    trained: Trained
    digit: int
    seed: int
    data_dir: str | None
    ablation_epochs: int

    @cached_property
    def data(self) -> MNISTData:
        """What the net was trained on."""
        data = self.trained.training_data(self.data_dir)
        data.setup()
        return data

    @cached_property
    def example(self) -> Example:
        return choose_example(self.trained, self.data, self.digit)

    def ablation_data(self) -> MNISTData:
        """The same images in the same splits, if there is a validation split; all else by default."""
        same = {name: self.data.hparams[name] for name in ("dataset", "data_dir", "val_size", "split_seed")}
        return MNISTData(**{**same, "val_size": same["val_size"] or 5_000})


# In the article's order; each is computed from the subject and drawn by the module mnist_mlp.figure_drawing.
FIGURES: dict[str, Callable[[Subject, Any], "Figure"]] = {
    "net": lambda of, draw: draw.draw_net(net_at_work(of.trained, of.example), of.example),
    "neuron": lambda of, draw: draw.draw_neuron(one_neuron(of.trained, of.example), of.example),
    "answers": lambda of, draw: draw.draw_answers(before_and_after(of.trained, of.example, of.seed), of.example),
    "cost": lambda of, draw: draw.draw_cost(cost_term_by_term(of.trained, of.example, of.data), of.example),
    "gradient": lambda of, draw: draw.draw_cost_curve(cost_against_a_weight(of.trained, of.data)),
    "sigmoid": lambda _, draw: draw.draw_sigmoids(sigmoids()),
    "xor": lambda of, draw: draw.draw_xor([xor(*settings, of.seed) for settings in XOR_NETS]),
    "ablations": lambda of, draw: draw.draw_ablations(
        [ablation(name, of.ablation_data(), of.seed, of.ablation_epochs) for name in ABLATIONS]
    ),
}
NUMBERS = {name: number for number, name in enumerate(FIGURES, start=1)}


def figures(args: Sequence[str] | None = None) -> None:
    """Run the command with these options; None takes those of the process.

    Raises:
        InputError: something given cannot be used. Files are written when all figures are made, each as a whole.
    """
    options = _parser().parse_args(args)
    names = _chosen(options.only)
    if not 0 <= options.digit <= 9:
        raise InputError(f"--digit is {options.digit}; give 0 to 9.")
    if options.ablation_epochs < 1:
        raise InputError(f"--ablation_epochs is {options.ablation_epochs}; give 1 or more.")
    if not 0 <= options.seed < 2**32:
        raise InputError(f"--seed is {options.seed}; give a whole number from 0 to 4294967295.")
    draw = _drawing()
    path = Path(options.ckpt) if options.ckpt is not None else find_net(prefer_own_runs=True)
    subject = Subject(load_net(path), options.digit, options.seed, options.data_dir, options.ablation_epochs)
    run = run_folder(path)
    out = Path(options.out) if options.out is not None else Path(run or ".") / FOLDER
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
    print(f"of the net {path}", flush=True)
    made: dict[str, bytes] = {}
    for name in names:
        print(f"figure {NUMBERS[name]}, {name}", flush=True)
        with draw.style():
            figure = FIGURES[name](subject, draw)
            made |= {_file_name(name, form): draw.as_bytes(figure, form) for form in FORMATS}
    with _writing(out):
        for file_name, content in made.items():
            write_atomically(out / file_name, content)
        _show_in_tensorboard(out)
    print(f"wrote {len(made)} files to {out}; see also: tensorboard --logdir {shlex.quote(str(out.parent))}")


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.figures",
        description="Compute and draw the article's figures from a trained net: "
        + ", ".join(f"{number} {name}" for name, number in NUMBERS.items())
        + ". Each is written as PNG and as SVG, and shown by TensorBoard under IMAGES.",
    )
    parser.add_ckpt_argument(prefer_own_runs=True)
    parser.add_argument(
        "--out",
        type=str | None,
        default=None,
        metavar="DIR",
        help="The folder to write to, over an earlier call's files. Left out, it is `figures` in the folder of the "
        "checkpoint's run, or in the current folder for a net without a run.",
    )
    parser.add_argument(
        "--only", nargs="+", type=str, default=None, metavar="NAME", help="Only these figures, by name or number."
    )
    parser.add_argument("--digit", type=int, default=3, help="Of which the example is, in figures 1 to 4.")
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="Of the untrained net (with the run's seed, it is the one that the run began with) and of the nets that "
        "are trained for figures 7 and 8.",
    )
    parser.add_argument(
        "--ablation_epochs", type=int, default=ABLATION_EPOCHS, metavar="N", help="Of the four nets of figure 8."
    )
    parser.add_data_dir_argument()
    return parser


def _chosen(only: Sequence[str] | None) -> list[str]:
    """The names of the figures asked for, in the article's order."""
    by_number = {str(number): name for name, number in NUMBERS.items()}
    chosen = [by_number.get(given, given) for given in only or FIGURES]
    for name in chosen:
        if name not in FIGURES:
            raise InputError(f"there is no figure {name!r}; --only takes {', '.join(FIGURES)}, or numbers from 1 on.")
    return sorted(set(chosen), key=NUMBERS.__getitem__)


def _drawing() -> Any:
    """The module that draws; it alone needs matplotlib."""
    try:
        from mnist_mlp import figure_drawing
    except ImportError as error:
        raise InputError(
            "for figures the package matplotlib is needed; install it: python -m pip install matplotlib."
        ) from error
    return figure_drawing


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write to the folder {out}: {error.strerror or error}; give another --out.") from error


def _file_name(name: str, form: str) -> str:
    return f"figure_{NUMBERS[name]}_{name}.{form}"


def _show_in_tensorboard(out: Path) -> None:
    """One event file in `out` with all of its figures, in the place of an earlier call's."""
    import numpy as np
    from PIL import Image
    from torch.utils.tensorboard import SummaryWriter

    earlier = list(out.glob(f"events.out.tfevents.*{EVENTS_SUFFIX}"))
    with SummaryWriter(str(out), filename_suffix=EVENTS_SUFFIX) as writer:
        for name in FIGURES:
            if (path := out / _file_name(name, "png")).is_file():
                with Image.open(io.BytesIO(path.read_bytes())) as image:
                    writer.add_image(f"figures/{path.stem}", np.asarray(image.convert("RGB")), 0, dataformats="HWC")
    for path in earlier:
        path.unlink()


if __name__ == "__main__":
    run_command(figures)
