"""The commands' argument parser: every mistake on the command line or in a config is reported in one sentence."""

import difflib
import locale
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any, NoReturn

import jsonargparse
import yaml
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
WORD = re.compile(r"[Uu]nrecognized arguments: ([^-\s]\S*)")
UNKNOWN = re.compile(r"[Uu]nrecognized arguments: -*([^\s=]+)|(?:Option|Key) '(.+?)' is not|Group '(.+?)' .* '(.+?)'")
NESTED = re.compile(r"-(?:-| )*([\w.]+) is missing;.*class_path='(?:\w+\.)*(\w+)'")  # an argument of a class
MISSING = re.compile(r'arguments are required: ([\w.]+)|Key "([\w.]+)" is required')
VALUE = re.compile(r'Parser key "([\w.]+)"(?: element \d+)?: (.*)')
TYPE = re.compile(r"<class '(?:[\w.]+\.)?([^'.]+)'>|Literal\[(.*?)\]|(dict)\[|Not of type ([^:]+):")
GIVEN = re.compile(
    r".*(?:Got value|Given value|Not of type [^:]+|base 10|to float): '?(.*?)'?(?: does not conform.*)?$"
)

# What to do about parts of LightningCLI that the training command does without: its subcommands and some sections.
SUBCOMMANDS = {
    "fit": "this command trains, validates and tests; leave the word out",
    "validate": "to evaluate a trained net, type python -m mnist_mlp.evaluate",
    "test": "to evaluate a trained net, type python -m mnist_mlp.evaluate --split test",
    "predict": "to classify pictures, type python -m mnist_mlp.predict",
}
SECTIONS = {
    **dict.fromkeys(SUBCOMMANDS, "this command has no subcommands; move the settings of this section one level up"),
    "optimizer": "the net makes its own weight updates; leave this section out, and set model.learning_rate",
    "lr_scheduler": "the net has its own schedule; leave this section out, and set model.lr_schedule",
}

# What a config may hold, with a wide margin. A few lines of YAML can stand for billions of values, and the time that
# jsonargparse takes for a list grows with the square of its length: half a second for 1,000 values.
MAX_CONFIG_BYTES, MAX_CONFIG_VALUES, MAX_CONFIG_DEPTH = 2**20, 1_000, 50


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
        self._configs: list[str] = []

    def parse_args(self, *args: Any, **kwargs: Any) -> Any:
        """Parse the options, and the configs that they name. A path may begin with ~, the user's home folder."""
        with _one_sentence("the options"):
            parsed = _with_home(super().parse_args(*args, **kwargs))
            for group in {action.dest.split(".")[0] for action in self._actions if "." in action.dest}:
                given = parsed.get(group)
                if not isinstance(given, jsonargparse.Namespace):
                    raise InputError(f"{group} is {shorten(str(given), 100)}; give settings, or leave it out.")
            return parsed

    def parse_path(self, path: Any, *args: Any, **kwargs: Any) -> Any:
        """Read a config; errors name it."""
        self._configs.append(str(path))
        try:
            with _one_sentence("it"):
                if not check_config(Path(path)):
                    return super().parse_string("{}", *args, **kwargs)
                if locale.getpreferredencoding(False).upper() != "UTF-8":  # jsonargparse would read it as cp1252
                    return super().parse_string(Path(path).read_text("utf-8"), *args, **kwargs)
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
        if word := WORD.search(message):
            return self._stray_word(word[1])
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
        return f"{shorten(message, 400, placeholder=' ...').rstrip('.')}."

    def _stray_word(self, word: str) -> str:
        """The sentence for a word without an option."""
        options, shown = self._options(), shorten(word, 100, placeholder="...")
        if "config" in options and word in SUBCOMMANDS:
            return f"there is no subcommand {word}: {SUBCOMMANDS[word]}."
        if "config" in options and (Path(word).suffix in (".yaml", ".yml", ".json") or named_config(word) != word):
            return f"{shown} stands alone; type --config {shown}."
        for option in ("ckpt", "ckpt_path"):
            if option in options and Path(word).suffix in (".ckpt", ".safetensors"):
                return f"{shown} stands alone; type --{option} {shown}."
        return f"there is no argument {shown}; every option begins with --, and --help lists them all."

    def _unknown(self, name: str) -> str:
        options = self._options()
        section = name.split(".")[0]
        if "config" in options and section in SECTIONS:
            where = f"config {' or '.join(self._configs)}" if self._configs else "the command line"
            return f"{where} has a section {section}: {SECTIONS[section]}."
        if name.split(".")[1:2] in (["class_path"], ["init_args"]):
            return f"the class of {section} is fixed; leave out class_path, and move init_args one level up."
        near = [option for option in options if option.split(".")[-1] == name.split(".")[-1]]
        near = near or difflib.get_close_matches(name, options, n=2, cutoff=0.7)
        hint = f"did you mean {' or '.join('--' + option for option in near)}? " if near else ""
        return f"there is no option --{shorten(name, 100, placeholder='...')}; {hint}--help lists all options."

    def _options(self) -> list[str]:
        """The names of all options, without the dashes."""
        return sorted(set(re.findall(r"--([\w.]+)", self.format_help())))


def named_config(given: str) -> str:
    """Return the path of the project's config of this name, such as nielsen-30. Other text is returned as it is."""
    path = configs_folder() / f"{given.removesuffix('.yaml')}.yaml"
    return str(path) if path.parent == configs_folder() and path.is_file() and not Path(given).is_file() else given


def configs_folder() -> Path:
    """Return the folder of the project's configs: `mnist_mlp/configs` if installed, `configs` in a checkout."""
    package = Path(__file__).parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def _with_home(value: Any) -> Any:
    """Return parsed options with each leading ~ replaced, in nested settings, too."""
    if isinstance(value, str):
        return os.path.expanduser(value)
    if isinstance(value, list):
        return [_with_home(item) for item in value]
    if isinstance(value, dict):
        return {name: _with_home(item) for name, item in value.items()}
    if isinstance(value, jsonargparse.Namespace):
        vars(value).update({name: _with_home(item) for name, item in vars(value).items()})
    return value


def check_config(path: Path) -> bool:
    """Check that a file is UTF-8 text, and that its YAML does not stand for more values than a config needs.

    Returns:
        False for a file without any value: empty, or with comments only.

    Raises:
        InputError: it is not text, too large, or nested too deeply.
    """
    if not path.is_file():
        return True  # a pipe can be read only once
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise InputError(f"it has more than {MAX_CONFIG_BYTES // 2**20} MiB; give a config of this command.")
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError("it is text in UTF-16, as PowerShell writes it; save it as UTF-8.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InputError("it is not text in UTF-8; save it as UTF-8.") from error
    try:
        return _count_values(text) > 0
    except yaml.YAMLError:
        return True  # the parser reports it


def _count_values(text: str) -> int:
    """Return how many values YAML stands for, each alias as all that it refers to, without building them.

    Raises:
        InputError: there are too many, or they are nested too deeply.
    """
    totals: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]  # anchor, values so far
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        size = 0
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, 1))
        elif isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)
            if name in [anchor for anchor, _ in open_nodes]:
                raise InputError(f"its anchor {shorten(name, 40)} contains itself; write the values out.")
            size = totals.get(name, 1)
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor:
                totals[event.anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            ended, size = open_nodes.pop()
            if ended:
                totals[ended] = size
        anchor, so_far = open_nodes[-1]
        open_nodes[-1] = anchor, so_far + size
        if so_far + size > MAX_CONFIG_VALUES or len(open_nodes) > MAX_CONFIG_DEPTH:
            raise InputError("it stands for more values than any config needs, or nests them too deeply; simplify it.")
    return open_nodes[0][1]


@contextmanager
def _one_sentence(subject: str) -> Iterator[None]:
    """Turn what jsonargparse raises for odd values into an InputError. It raises many kinds of errors."""
    try:
        yield
    except (InputError, BrokenPipeError):
        raise
    except Exception as error:
        reason = shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...").rstrip(".")
        raise InputError(f"{subject} cannot be read ({reason}); --help lists all options and their values.") from error


def _wrong_value(option: str, reason: str) -> str:
    """The sentence for a value that does not have the option's type."""
    if nested := NESTED.search(reason):
        return f"--{option} {nested[2]} needs {nested[1]}; add --{option}.{nested[1]} VALUE."
    # A union lists its types before its errors.
    types = TYPE.finditer(re.split(r" Errors: |(?:Got|Given) value", reason)[0])
    names = dict.fromkeys(_type_name(found[found.lastindex or 0]) for found in types)
    given = GIVEN.match(reason)
    if option == "config":
        reason = f"{reason.rstrip('.')}; give the path of a YAML file, or a name in the folder {configs_folder()}"
    if not names or given is None:
        return f"--{option}: {shorten(reason, 400, placeholder=' ...').rstrip('.')}."
    return f"--{option} is {shorten(given[1], 200, placeholder=' ...')!r}; it takes {' or '.join(names)}."


def _type_name(name: str) -> str:
    """What a type is called in a sentence: int is a whole number, a Literal its choices without quotes."""
    return TYPES.get(name, name.replace("'", ""))
