"""`python -m mnist_mlp COMMAND`, or `mnist-mlp COMMAND`: run one of the project's commands, or list them."""

import runpy
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from mnist_mlp.errors import InputError, run_command

COMMANDS = {
    "train": "train a net, choose its best epoch, and test it",
    "runs": "list runs: their settings and how they ended",
    "predict": "say what digit a picture shows",
    "evaluate": "print accuracy, confusion matrix and worst mistakes of a trained net",
    "export": "write a trained net as an ONNX or safetensors file",
    "figures": "draw the nine figures of the article's ideas, computed from a trained net",
    "demo": "write a page to draw a digit on, to look into the net, and to train one",
    "results": "measure the results table of configs/README.md",
}


def main(args: Sequence[str] | None = None) -> None:
    """Run a command as `python -m mnist_mlp.COMMAND` does. Without a command, list them all.

    Args:
        args: the command and its options; None takes those of the process.

    Raises:
        InputError: there is no such command.
        SystemExit: the command's own.
    """
    given = list(sys.argv[1:] if args is None else args)
    command = given[0] if given else "--help"
    if command in ("-h", "--help"):
        print(_commands())
    elif command == "--version":
        print(f"mnist_mlp {_version()}")
    elif command in COMMANDS:
        sys.argv = [sys.argv[0], *given[1:]]
        runpy.run_module(f"mnist_mlp.{command}", run_name="__main__", alter_sys=True)
    else:
        raise InputError(f"there is no command {command!r}; the commands are {', '.join(COMMANDS)}.")


def console() -> None:
    """Run the console script `mnist-mlp`."""
    run_command(main)


def _commands() -> str:
    lines = [f"  {name:10}{text}" for name, text in COMMANDS.items()]
    usage = "usage: python -m mnist_mlp COMMAND [options], or mnist-mlp COMMAND [options]"
    more = "COMMAND --help lists the options of a command; --version prints the version."
    return "\n".join([usage, "", *lines, "", more])


def _version() -> str:
    try:
        return version("mnist-mlp")
    except PackageNotFoundError:  # a checkout that is not installed
        return "of a checkout that is not installed"


if __name__ == "__main__":
    console()
