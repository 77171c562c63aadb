"""What all commands share: the list of commands, quick --help, and any stdout."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from mnist_mlp.__main__ import COMMANDS
from tests.command import ROOT


def run(*arguments: str, folder: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("options", [[], ["--help"]], ids=["alone", "--help"])
def test_the_list_of_commands(options: list[str]) -> None:
    listed = run("mnist_mlp", *options)
    assert listed.returncode == 0
    for command, text in COMMANDS.items():
        assert f"  {command:10}{text}\n" in listed.stdout


def test_every_command_is_listed() -> None:
    """A command is a module that ends with its own call."""
    package = ROOT / "mnist_mlp"
    commands = {
        (path.parent if path.name == "__main__.py" else path).stem
        for path in package.rglob("*.py")
        if 'if __name__ == "__main__":' in path.read_text()
    }
    assert commands == {*COMMANDS, "mnist_mlp"}


def test_version() -> None:
    assert run("mnist_mlp", "--version").stdout == f"mnist_mlp {version('mnist-mlp')}\n"


def test_an_unknown_command() -> None:
    result = run("mnist_mlp", "tain")
    assert result.returncode == 2
    assert result.stderr == (f"mnist_mlp: error: there is no command 'tain'; the commands are {', '.join(COMMANDS)}.\n")


def test_a_command_by_name_is_the_module() -> None:
    """The same output, and the same exit code."""
    for options in (["evaluate", "--help"], ["predict"], ["export", "--out", "net.unknown"]):
        named, module = run("mnist_mlp", *options), run(f"mnist_mlp.{options[0]}", *options[1:])
        assert (named.returncode, named.stdout, named.stderr) == (module.returncode, module.stdout, module.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_does_without_torch(command: str) -> None:
    """So that it is quick."""
    program = (
        "import runpy, sys\n"
        "sys.argv[1:] = ['--help']\n"
        "try:\n"
        f"    runpy.run_module('mnist_mlp.{command}', run_name='__main__')\n"
        "finally:\n"
        "    assert not {'torch', 'lightning', 'matplotlib'} & sys.modules.keys()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("usage: ")


@pytest.mark.parametrize("command", ["", *(f".{name}" for name in COMMANDS)])
def test_help_for_a_reader_that_has_ended(command: str) -> None:
    """As with `| head -1`: no traceback. argparse itself ignores the broken pipe, with exit code 0."""
    reader, writer = os.pipe()
    os.close(reader)
    arguments = [sys.executable, "-m", f"mnist_mlp{command}", "--help"]
    result = subprocess.run(arguments, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) in ((0, b""), (141, b""))


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_stdout_that_cannot_encode_the_text(tmp_path: Path, encoding: str) -> None:
    """As on Windows, when output goes to a file. `η` stands in the help, `ł` in a file name."""
    shown = run("mnist_mlp.train", "--help", PYTHONIOENCODING=encoding)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--model.hidden_sizes" in shown.stdout
    drawn = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(drawn).line([(60, 50), (140, 50), (90, 160)], fill=0, width=14, joint="curve")
    drawn.save(tmp_path / "ł.png")
    result = run("mnist_mlp.predict", "ł.png", folder=tmp_path, PYTHONIOENCODING=encoding)
    assert result.returncode == 0, result.stderr
    assert "\n?.png" in result.stdout
