"""How a command ends."""

import os
import subprocess
import sys

import pytest

OUTPUTS = {"while printing": "'x' * 1_000_000", "with the last line": "'x'"}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS)
def test_a_command_ends_quietly_when_the_reader_of_its_output_has_ended(output: str) -> None:
    """As with `| head -1`: no traceback, and the exit code of SIGPIPE."""
    program = f"from mnist_mlp.errors import run_command; run_command(lambda: print({output}))"
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, b"")


PROGRAM = """
from mnist_mlp.errors import InputError, run_command
def command():
    print("a result", flush=True)
    raise InputError("a sentence.")
run_command(command)
"""


def test_closed_streams() -> None:
    """As of a program without a console: a command runs to its end."""
    closed = [sys.executable, "-c", "import os, sys; os.close(1); os.close(2); os.execv(sys.executable, sys.argv[1:])"]
    result = subprocess.run([*closed, sys.executable, "-c", PROGRAM], capture_output=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (2, b"", b"")
    only_stdout = [closed[0], closed[1], closed[2].replace("os.close(2); ", "")]
    result = subprocess.run([*only_stdout, sys.executable, "-c", PROGRAM], capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (2, b"mnist_mlp: error: a sentence.\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_on_a_full_disk() -> None:
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", PROGRAM]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        both = subprocess.run(command, stdout=full, stderr=full, check=False)
    assert result.returncode == both.returncode == 2
    assert result.stderr.startswith("mnist_mlp: error: cannot write the output (No space left on device); make room")
    assert result.stderr.count("\n") == 1
