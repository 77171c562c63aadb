"""`python -m mnist_mlp.demo`: its options and their errors."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_mlp.demo.__main__ import demo
from mnist_mlp.errors import InputError
from tests.demo.serving import demo_command, environment


def test_a_port_in_use(tmp_path: Path) -> None:
    """The process prints one sentence and ends with exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            demo_command("--port", str(port)), cwd=tmp_path, env=environment(), capture_output=True, text=True
        )
    sentence = f"mnist_mlp: error: port {port} is in use; give another --port, or 0 for a free one.\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)


def test_bad_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each error is one sentence, and nothing is served."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mnist_mlp.inference.find.files", lambda _: tmp_path)  # as if the package had no net
    Path("other.ckpt").write_text("no net")
    for args, words in (
        (["--port", "0", "--ckpt", "nowhere.ckpt"], r"there is no checkpoint nowhere\.ckpt"),
        (["--port", "0", "--ckpt", "other.ckpt"], r"other\.ckpt is damaged or no checkpoint"),
        (["--port", "0"], "there is no run in"),
        (["--port", "99999"], "--port is 99999; it takes a number from 0 to 65535"),
        (["--port", "many"], "--port is 'many'; it takes a whole number"),
        (["--port", "0", "--host", "256.0.0.1"], "'256.0.0.1' is not an address of this computer"),
        (["--host", "192.0.2.1"], "'192.0.2.1' is not an address of this computer"),
        (["--prot", "0"], r"no option --prot; did you mean --port\?"),
    ):
        with pytest.raises(InputError, match=words) as error:
            demo(args)
        assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match="pip install starlette uvicorn"):
        demo(["--port", "0"])
