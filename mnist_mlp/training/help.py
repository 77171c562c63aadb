"""`--help` of the training command, from the source code: importing Lightning for it would take seconds."""

import ast
import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parent.parent
INTRODUCTION = """\
usage: python -m mnist_mlp.train [options]

Train the sigmoid multilayer perceptron on MNIST. Without options, it trains the default net on what device there is.
"""
TRAINER = """\
--trainer.max_epochs 14, --trainer.accelerator auto, --trainer.devices 1, and every other argument of Lightning's
Trainer: --help all lists them.
"""


class Option(NamedTuple):
    """An option of the command.

    name: with its section, such as model.bias.
    default: as it is typed.
    text: what it does.
    choices: its possible values, if they are few.
    """

    name: str
    default: str
    text: str
    choices: tuple[str, ...] = ()


# The options that belong neither to the net nor to the data nor to the Trainer: type, default, text.
RUN_OPTIONS: dict[str, tuple[Any, Any, str]] = {
    "ckpt_path": (str | None, None, "A checkpoint of an interrupted run, to resume that run."),
    "name": (str | None, None, "The name of the run's folder. A resumed run keeps its own."),
    "pictures": (
        bool,
        True,
        "Draw the net in TensorBoard's IMAGES and HISTOGRAMS during training; false draws nothing.",
    ),
    "snapshots": (
        bool,
        True,
        "Keep the net as float16 before training, after 1, 2, 4, 8, ... epochs and at the end, in the run's folder "
        "(2.9 MB in the default run); false keeps none.",
    ),
}


def asked_for(args: Sequence[str]) -> bool:
    """Return whether the options ask for the quick help. `--help all` asks for LightningCLI's."""
    first = next((i for i, arg in enumerate(args) if arg in ("-h", "--help")), None)
    return first is not None and list(args[first + 1 : first + 2]) != ["all"]


def quick_help() -> str:
    """Return the project's own options: those of the run, of the net and of the data."""
    run = [
        Option("config", "", "A YAML file with options, or the name of one of the project's configs (nielsen-30)."),
        Option("print_config", "", "Print the settings as YAML, and end."),
        Option("seed_everything", "0", "The seed of all random numbers; true draws one."),
        *(Option(name, _typed(default), text) for name, (_, default, text) in RUN_OPTIONS.items()),
    ]
    net = [*_arguments("model.py", "SigmoidMLP", "model"), *_arguments("fast/module.py", "FastSigmoidMLP", "model")]
    data = _arguments("data/datamodule.py", "MNISTData", "data")
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    sections = [("The run", run), ("The net", net), ("The data", data)]
    shown = [f"{title}:\n" + "\n".join(_lines(option, width) for option in options) for title, options in sections]
    return "\n\n".join([INTRODUCTION.rstrip(), *shown, f"The Trainer:\n{textwrap.indent(TRAINER.rstrip(), '  ')}"])


def _lines(option: Option, width: int) -> str:
    """Return one option's lines of the help, `width` characters wide."""
    choices = f" {{{','.join(option.choices)}}}" if option.choices else ""
    default = f" (default: {option.default})" if option.default else ""
    head, text = f"  --{option.name}{choices}", f"{option.text}{default}"
    indent = " " * 26
    lines = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent)
    if len(head) < len(indent):
        return "\n".join([head + lines[0][len(head) :], *lines[1:]])
    return "\n".join([head, *lines])


def _arguments(file: str, name: str, section: str) -> Iterator[Option]:
    """Yield the arguments of a class in one of the package's files, with the texts of its docstring."""
    tree = ast.parse((PACKAGE / file).read_text("utf-8"))
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    (init,) = (node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    texts = _texts(ast.get_docstring(found) or "")
    arguments = [*init.args.args[1:], *init.args.kwonlyargs]
    defaults = [*init.args.defaults, *init.args.kw_defaults]
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for argument, default in zip(arguments, defaults, strict=True):
        kind = ast.unparse(argument.annotation) if argument.annotation is not None else ""
        if isinstance(default, ast.Name):
            default = constants.get(default.id)
        yield Option(f"{section}.{argument.arg}", _value(default), texts[argument.arg], _choices(kind))


def _texts(docstring: str) -> dict[str, str]:
    """Return the text of each argument in a docstring's section "Args:"."""
    section = re.search(r"^Args:\n((?:    .*\n|\n)+)", docstring + "\n", re.MULTILINE)
    assert section is not None
    found = re.findall(r"^    (\w+): (.*\n(?:     .*\n)*)", section[1], re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _value(default: ast.expr | None) -> str:
    """Return a default as it is typed on the command line; nothing if the source code computes it."""
    try:
        return _typed(ast.literal_eval(default)) if default is not None else ""
    except ValueError:
        return ""


def _typed(value: object) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    words = {"None": "null", "True": "true", "False": "false"}
    return words.get(str(value), str(value))


def _choices(kind: str) -> tuple[str, ...]:
    """Return the values of a Literal that the package defines under the name `kind`."""
    if not kind.endswith("Name"):
        return ()
    for path in sorted(PACKAGE.rglob("*.py")):
        if found := re.search(rf"^{kind} = (Literal\[[^]]*\])", path.read_text("utf-8"), re.MULTILINE):
            return tuple(re.findall(r'"(\w+)"', found[1]))
    raise LookupError(kind)
