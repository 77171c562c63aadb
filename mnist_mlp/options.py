"""The command line: what is wrong with an option or a config, said in one sentence."""

import difflib
import re
from collections.abc import Sequence
from typing import Any, NoReturn

import jsonargparse

from mnist_mlp.errors import InputError

TYPE_NAMES = {
    "int": "a whole number",
    "float": "a finite number",
    "str": "a text",
    "bool": "true or false",
    "NoneType": "null",
    "collections.abc.Sequence": "a list such as [100]",
}


class Parser(jsonargparse.ArgumentParser):
    """Raises an `InputError` of one sentence, with what exists, where jsonargparse would print its own report."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A shortened option is more likely misspelt than meant.
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def parse_args(self, args: Sequence[str] | None = None, *more: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        self._configs = [
            following if arg in ("--config", "-c") else arg.partition("=")[2]
            for arg, following in zip(args or [], [*(args or [])[1:], ""], strict=False)
            if arg in ("--config", "-c") or arg.startswith("--config=")
        ]
        return super().parse_args(args, *more, **kwargs)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        raise InputError(self._sentence(" ".join(message.split()))) from ex

    def add_ckpt_argument(self, prefer_own_runs: bool = False) -> None:
        """--ckpt, of the commands that use a trained net; prefer_own_runs as in mnist_mlp/trained.py."""
        package, newest = "the net that comes with the package", "the best checkpoint of the newest run"
        found = (
            f"{newest} in ./lightning_logs, else {package}"
            if prefer_own_runs
            else f"{package}, if one does, else {newest} in ./lightning_logs"
        )
        self.add_argument(
            "--ckpt",
            type=str | None,
            default=None,
            metavar="FILE",
            help=f"The net: a checkpoint, or a .safetensors file of mnist_mlp.export. Left out, it is {found}.",
        )

    def add_data_dir_argument(self) -> None:
        """--data_dir, of the commands that also use what the net was trained on."""
        self.add_argument(
            "--data_dir",
            type=str | None,
            default=None,
            metavar="DIR",
            help="Where the data set is, if not where it was in training.",
        )

    def _sentence(self, message: str) -> str:
        if missing := re.search(r"arguments are required: (.*)$", message):
            name = f"--{missing[1]}" if f"--{missing[1]}" in self._option_string_actions else missing[1]
            return f"{name} is missing; --help shows how the command is called."
        for pattern, option in (
            (r"[Uu]nrecognized arguments: (\S+)", "{0}"),
            (r"Key '([^']+)' is not expected", "{0}"),
            (r"Group '([^']+)' does not accept option '([^']+)'", "{0}.{1}"),
            (r"does not accept (?:nested )?option '([^']+)'", "{0}"),
        ):
            if found := re.search(pattern, message):
                return self._unknown(option.format(*found.groups()).split("=")[0].lstrip("-"))
        if 'key "config"' in message or "parsing config" in message:
            name = " or ".join(self._configs) or "given with --config"
            if "not exist" in message:
                return f"there is no config file {name}; the project's own are in its folder configs."
            reason = message.partition("parsing config: ")[2] or message
            return f"the config {name} is not YAML or JSON of this command's options ({reason})."
        key = re.search(r'key "([^"]+)"', message)
        value = re.search(r"(?:Got|Given) value: (.*)$", message)
        expected = list(
            dict.fromkeys(re.findall(r"Expected an? (<class '[\w.]+'>|typing\.Literal\[[^\]]*\])", message))
        )
        if key and value and "dict[int, float]" in message:
            given = value[1].partition(" - Expected")[0]
            return f"--{key[1]} is {given}; it takes a number for each digit, such as '{{1: 7.5, 7: 7.5}}'."
        if key and value and expected:
            return f"--{key[1]} is {value[1]!r}; it takes {' or '.join(map(_type_name, expected))}."
        return message

    def _unknown(self, name: str) -> str:
        options = sorted(
            {o.lstrip("-") for action in self._actions for o in action.option_strings if not o.endswith("+")}
        )
        near = [o for o in options if o.split(".")[-1] == name.split(".")[-1]]
        near += [o for o in difflib.get_close_matches(name, options, n=2, cutoff=0.6) if o not in near]
        hint = f"did you mean {' or '.join('--' + o for o in near)}? " if near else ""
        return f"there is no option --{name}; {hint}--help lists what exists."


def _type_name(expected: str) -> str:
    """What a type is called in a sentence: <class 'int'> is a whole number, a Literal its choices."""
    if found := re.match(r"<class '([\w.]+)'>", expected):
        return TYPE_NAMES.get(found[1], found[1])
    return ", ".join(choice.strip(" '") for choice in expected[len("typing.Literal[") : -1].split(","))
