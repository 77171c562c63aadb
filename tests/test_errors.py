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
