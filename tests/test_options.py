"""Errors of the commands' argument parser: one sentence with the option, the value and what to give."""

import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from jsonargparse import ActionConfigFile  # type: ignore[attr-defined]
from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt, PositiveInt

from mnist_mlp.errors import InputError
from mnist_mlp.options import SEED, Parser, whole_number


@pytest.fixture
def parser() -> Parser:
    """A parser with an option of each kind."""
    parser = Parser(prog="test")
    parser.add_argument("--config", action=ActionConfigFile)
    parser.add_argument("image", type=str)
    parser.add_argument("--out", type=str, required=True)
    parser.add_argument("--epochs", type=PositiveInt, default=1)
    parser.add_argument("--worst", type=NonNegativeInt, default=10)
    parser.add_argument("--strength", type=ClosedUnitInterval, default=0.5)
    parser.add_argument("--seeds", nargs="+", type=SEED, default=[0])
    parser.add_argument("--digit", type=whole_number(0, 9) | None, default=None)
    parser.add_argument("--format", type=Literal["csv", "json"], default="csv")
    parser.add_argument("--net.rate", type=float, default=1.0)
    return parser


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--epochs", "0"], "--epochs is '0'; it takes a whole number, 1 or more."),
        (["--worst", "-1"], "--worst is '-1'; it takes a whole number, 0 or more."),
        (["--worst", "1.5"], "--worst is '1.5'; it takes a whole number, 0 or more."),
        (["--strength", "2"], "--strength is '2'; it takes a number from 0 to 1."),
        (["--strength", "strong"], "--strength is 'strong'; it takes a number from 0 to 1."),
        (["--seeds", "1", "-1"], "--seeds is '-1'; it takes a whole number from 0 to 4294967295."),
        (["--seeds", "one"], "--seeds is 'one'; it takes a whole number from 0 to 4294967295."),
        (["--format", "xml"], "--format is 'xml'; it takes csv, json."),
        (["--net.rate", "fast"], "--net.rate is 'fast'; it takes a finite number."),
        (["--formt", "csv"], "there is no option --formt; did you mean --format? --help lists all options."),
        (["--rate=1"], "there is no option --rate; did you mean --net.rate? --help lists all options."),
        (["--xyz"], "there is no option --xyz; --help lists all options."),
    ],
)
def test_wrong_option(parser: Parser, args: list[str], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        parser.parse_args(["3.png", "--out", "3.csv", *args])
    assert str(error.value) == sentence


def test_wrong_value_of_an_option_with_a_choice_of_types(parser: Parser) -> None:
    """Whichever order jsonargparse lists the types in."""
    with pytest.raises(InputError, match=r"--digit is '10'; it takes .*a whole number from 0 to 9") as error:
        parser.parse_args(["3.png", "--out", "3.csv", "--digit", "10"])
    assert "null" in str(error.value)


@pytest.mark.parametrize(("args", "name"), [(["--out", "3.csv"], "image"), (["3.png"], "--out")])
def test_missing_option(parser: Parser, args: list[str], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is missing"):
        parser.parse_args(args)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("net: {rate: fast}", "config c.yaml: --net.rate is 'fast'; it takes a finite number."),
        ("net: {raet: 1}", "there is no option --net.raet; did you mean --net.rate?"),
        ("nte: {rate: 1}", "there is no option --nte.rate; did you mean --net.rate?"),
        ("- 1", "config c.yaml: this is not YAML"),
        ("net: [", "config c.yaml: this is not YAML"),
    ],
)
def test_wrong_config(
    parser: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(content)
    with pytest.raises(InputError) as error:
        parser.parse_args(["3.png", "--out", "3.csv", "--config", "c.yaml"])
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_the_parser_does_without_torch() -> None:
    """So that --help is quick."""
    program = "import sys, mnist_mlp.options, mnist_mlp.files; assert not {'torch', 'lightning'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
