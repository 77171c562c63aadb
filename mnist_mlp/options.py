"""The commands' argument parser: every mistake on the command line or in a config is reported in one sentence."""

import difflib
import re
from textwrap import shorten
from typing import Any, NoReturn

import jsonargparse
from jsonargparse.typing import restricted_number_type

from mnist_mlp.errors import InputError

# jsonargparse names types as Python does. A type that is not listed keeps its name.
TYPES = {
    "int": "a whole number",
    "float": "a finite number",
    "str": "text",
    "bool": "true or false",
    "NoneType": "null",
    "Sequence": "a list such as [100]",
    "dict": "a number for each digit, such as {1: 7.5, 7: 7.5}",
    "PositiveInt": "a whole number, 1 or more",
    "NonNegativeInt": "a whole number, 0 or more",
    "ClosedUnitInterval": "a number from 0 to 1",
}

# What a sentence needs from jsonargparse's messages. Where two forms mean the same, older versions use the second.
UNKNOWN = re.compile(r"[Uu]nrecognized arguments: -*([^\s=]+)|(?:Option|Key) '(.+?)' is not|Group '(.+?)' .* '(.+?)'")
MISSING = re.compile(r'arguments are required: ([\w.]+)|Key "([\w.]+)" is required')
VALUE = re.compile(r'Parser key "([\w.]+)"(?: element \d+)?: (.*)')
TYPE = re.compile(r"<class '(?:[\w.]+\.)?([^'.]+)'>|Literal\[(.*?)\]|(dict)\[|Not of type ([^:]+):")
GIVEN = re.compile(
    r".*(?:Got value|Given value|Not of type [^:]+|base 10|to float): '?(.*?)'?(?: does not conform.*)?$"
)


def whole_number(low: int, high: int) -> Any:
    """Return the type of an option that takes a whole number from `low` to `high`."""
    # The name appears in --help and in the error.
    return restricted_number_type(f"a whole number from {low} to {high}", int, [(">=", low), ("<=", high)])


SEED = whole_number(0, 2**32 - 1)  # what Lightning's seed_everything takes


class Parser(jsonargparse.ArgumentParser):
    """An ArgumentParser that raises an InputError of one sentence instead of printing its usage and a report."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A shortened option is more likely a misspelling.
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def parse_path(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        """Read a config; errors name it."""
        try:
            return super().parse_path(path, *args, **kwargs)
        except InputError as error:
            raise InputError(f"config {path}: {error}") from error

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise InputError(self._sentence(" ".join(message.split()))) from ex

    def add_ckpt_argument(self, prefer_own_runs: bool = False) -> None:
        """Add --ckpt, for commands that use a trained net; `prefer_own_runs` as in inference/find.py."""
        package, newest = "the net that comes with the package", "the best checkpoint of the newest run"
        found = (
            f"{newest} in ./lightning_logs, else {package}"
            if prefer_own_runs
            else f"{package}, if there is one, else {newest} in ./lightning_logs"
        )
        self.add_argument(
            "--ckpt",
            type=str | None,
            default=None,
            metavar="FILE",
            help=f"The net: a checkpoint, or a .safetensors file from mnist_mlp.export. By default it is {found}.",
        )

    def add_data_dir_argument(self) -> None:
        """Add --data_dir, for commands that also use the data that the net was trained on."""
        self.add_argument(
            "--data_dir",
            type=str | None,
            default=None,
            metavar="DIR",
            help="The folder of the data set, if it has moved since training.",
        )

    def _sentence(self, message: str) -> str:
        if unknown := UNKNOWN.search(message):
            return self._unknown(".".join(filter(None, unknown.groups())))
        if missing := MISSING.search(message):
            name = missing[1] or missing[2]
            return f"{f'--{name}' if name in self._options() else name} is missing; --help shows how to give it."
        if message.startswith(("Problems parsing config: ", "Unexpected config: ")):
            reason = shorten(message.partition(": ")[2], 200, placeholder=" ...")
            return f"this is not YAML or JSON with options of this command ({reason})."
        if value := VALUE.match(message):
            return _wrong_value(*value.groups())
        return message

    def _unknown(self, name: str) -> str:
        options = self._options()
        near = [option for option in options if option.split(".")[-1] == name.split(".")[-1]]
        near = near or difflib.get_close_matches(name, options, n=2, cutoff=0.7)
        hint = f"did you mean {' or '.join('--' + option for option in near)}? " if near else ""
        return f"there is no option --{name}; {hint}--help lists all options."

    def _options(self) -> list[str]:
        """The names of all options, without the dashes."""
        return sorted(set(re.findall(r"--([\w.]+)", self.format_help())))


def _wrong_value(option: str, reason: str) -> str:
    """The sentence for a value that does not have the option's type."""
    # A union lists its types before its errors.
    types = TYPE.finditer(re.split(r" Errors: |(?:Got|Given) value", reason)[0])
    names = dict.fromkeys(_type_name(found[found.lastindex or 0]) for found in types)
    given = GIVEN.match(reason)
    if option == "config":
        reason = f"{reason.rstrip('.')}; give the path of a YAML file (the project's own are in its folder configs)"
    if not names or given is None:
        return f"--{option}: {reason.rstrip('.')}."
    return f"--{option} is {given[1]!r}; it takes {' or '.join(names)}."


def _type_name(name: str) -> str:
    """What a type is called in a sentence: int is a whole number, a Literal its choices without quotes."""
    return TYPES.get(name, name.replace("'", ""))
