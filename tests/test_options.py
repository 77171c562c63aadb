"""Errors of the commands' argument parser: one sentence with the option, the value and what to give."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from jsonargparse import ActionConfigFile  # type: ignore[attr-defined]
from jsonargparse.typing import ClosedUnitInterval, NonNegativeInt, PositiveInt

from mnist_mlp.errors import InputError
from mnist_mlp.options import SEED, Parser, configs_folder, named_config, whole_number
from tests.command import ROOT


class Logger:
    """A class with an argument that has no default."""

    def __init__(self, save_dir: str) -> None:
        self.save_dir = save_dir


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
        (["fit"], "there is no subcommand fit: this command trains, validates and tests; leave the word out."),
        (["c.yaml"], "c.yaml stands alone; type --config c.yaml."),
        (["nielsen-30"], "nielsen-30 stands alone; type --config nielsen-30."),
        (["more"], "there is no argument more; every option begins with --, and --help lists them all."),
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
        ("fit: {net: {rate: 1}}", "config c.yaml has a section fit: this command has no subcommands; move"),
        ("optimizer: {lr: 1}", "config c.yaml has a section optimizer: the net makes its own weight updates;"),
        ("net: {class_path: Net, init_args: {rate: 1}}", "the class of net is fixed; leave out class_path"),
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


def test_tilde_is_the_home_folder(parser: Parser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In options, arguments, configs, and the name of a config."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    parser.add_argument("--folders", type=list[dict[str, str]], default=[])
    (tmp_path / "c.yaml").write_text("folders: [{runs: ~/runs}]")
    parsed = parser.parse_args(["~/3.png", "--out=~/3.csv", "--config=~/c.yaml"])
    assert (parsed.image, parsed.out) == (str(tmp_path / "3.png"), str(tmp_path / "3.csv"))
    assert parsed.folders == [{"runs": str(tmp_path / "runs")}]
    assert parser.parse_args(["a~", "--out", "~"]).image == "a~"


def test_a_config_is_utf8_whatever_the_system_uses(tmp_path: Path) -> None:
    """Here text files are ASCII by default, on Windows cp1252."""
    (tmp_path / "c.yaml").write_bytes("name: η, ł".encode())
    program = (
        "from jsonargparse import ActionConfigFile\nfrom mnist_mlp.options import Parser\n"
        "parser = Parser()\nparser.add_argument('--config', action=ActionConfigFile)\n"
        "parser.add_argument('--name', type=str)\nprint(ascii(parser.parse_args(['--config', 'c.yaml']).name))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == ascii("η, ł"), result.stderr


def test_a_class_without_a_needed_argument(parser: Parser) -> None:
    parser.add_argument("--logger", type=Logger | bool, default=True)
    with pytest.raises(InputError) as error:
        parser.parse_args(["3.png", "--out", "3.csv", "--logger", f"{__name__}.Logger"])
    assert str(error.value) == "--logger Logger needs save_dir; add --logger.save_dir VALUE."


def test_configs_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With and without .yaml; a file of this name goes first, and other text stays as it is."""
    monkeypatch.chdir(tmp_path)
    expected = str(configs_folder() / "nielsen-30.yaml")
    assert named_config("nielsen-30") == named_config("nielsen-30.yaml") == expected
    for given in ("nielsen", "", "../configs/nielsen-30", "c.yaml", "model: {bias: false}"):
        assert named_config(given) == given
    Path("nielsen-30").touch()
    assert named_config("nielsen-30") == "nielsen-30"


def test_the_parser_does_without_torch() -> None:
    """So that --help is quick."""
    program = "import sys, mnist_mlp.options, mnist_mlp.files; assert not {'torch', 'lightning'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", program], check=True)
