"""`python -m mnist_mlp.demo`: the file that it writes, when it opens a browser or a socket, and its errors."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from mnist_mlp.demo import __main__ as command
from mnist_mlp.demo.__main__ import demo
from mnist_mlp.errors import InputError
from mnist_mlp.inference.load import to_safetensors
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.command import ROOT


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to work in, where making the page takes no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mnist_mlp.demo.contents.contents", lambda paths: {"nets": [str(path) for path in paths]})
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_it_writes_one_file_and_prints_its_path(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default in the current folder, with the package's net. Its own page is replaced."""
    for _ in range(2):
        demo([])
        path = quick / "mnist_mlp_demo.html"
        assert capsys.readouterr().out == f"{path} ({path.stat().st_size / 1e6:.1f} MB)\n"
        assert [*quick.iterdir()] == [path]
    assert "pretrained/" in path.read_text("utf-8")


@pytest.mark.parametrize(("options", "display", "opened"), [([], True, 1), (["--no-browser"], True, 0), ([], False, 0)])
def test_the_browser_opens_the_file(
    quick: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], display: bool, opened: int
) -> None:
    """Unless it is told not to, or there is no screen."""
    urls: list[str] = []
    monkeypatch.setattr(webbrowser, "open", urls.append)
    if display:
        monkeypatch.setenv("DISPLAY", ":0")
    demo([*options, "--out", "some page.html"])
    assert urls == [(quick / "some page.html").as_uri()] * opened


def test_no_socket_listens(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only --serve opens one."""

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    monkeypatch.setattr(socket.socket, "listen", refuse)
    demo([])
    with pytest.raises(AssertionError, match="a socket was opened"):
        demo(["--serve", "--port", "0"])


def test_serve(tmp_path: Path) -> None:
    """One file at one address, for all devices of the network. No file is written, and Ctrl-C ends it."""
    code = (
        "import sys, types\n"
        "for name in ('contents', 'nets'):  # without them the start takes no time\n"
        "    stub = types.SimpleNamespace(contents=lambda paths: {}, default_nets=lambda: ['net'])\n"
        "    sys.modules[f'mnist_mlp.demo.{name}'] = stub\n"
        "from mnist_mlp.demo.__main__ import demo\n"
        "from mnist_mlp.errors import run_command\n"
        "run_command(demo)\n"
    )
    options = ["--serve", "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        port = re.fullmatch(r"http://localhost:(\d+)/ serves the page; press Ctrl-C to stop\.\n", line)
        assert port, line
        for path, status in (("/", 200), ("/?reload", 200), ("/lightning_logs", 404), ("/../etc/passwd", 404)):
            connection = http.client.HTTPConnection("localhost", int(port[1]), timeout=60)
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            connection.close()
            assert response.status == status
            assert (b"Draw a digit" in body) == (status == 200)
    finally:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert re.fullmatch(r"(http://[\d.]+:\d+/ is its address for other devices in the same network\.\n)?", output)
    assert process.returncode == 130
    assert errors.endswith("mnist_mlp: interrupted.\n")
    assert [*tmp_path.iterdir()] == []


def test_errors(quick: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is one sentence, and no file is written."""
    (quick / "mine.html").write_text("a page of someone else")
    (quick / "folder.html").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for args, words in (
            (["--out", "mine.html"], r"mine\.html is there and is not a page of this command"),
            (["--out", "folder.html"], r"folder\.html cannot be replaced"),
            (["--out", "nowhere/page.html"], "there is no folder nowhere"),
            (["--out", "page"], r"--out is page; give a name that ends in \.html"),
            (["--serve", "--port", "99999"], "--port is 99999; it takes a number from 0 to 65535"),
            (["--port", "many"], "--port is 'many'; it takes a whole number"),
            (["--serve", "--host", "127.0.0.1", "--port", port], f"port {port} is in use; give another --port"),
            (["--serve", "--host", "256.0.0.1"], "'256.0.0.1' is not an address of this computer"),
            (["--serve", "--host", "192.0.2.1"], "'192.0.2.1' is not an address of this computer"),
            (["--prot", "0"], r"no option --prot; did you mean --port\?"),
        ):
            with pytest.raises(InputError, match=words) as error:
                demo(args)
            assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in quick.iterdir()) == ["folder.html", "mine.html"]
    assert (quick / "mine.html").read_text() == "a page of someone else"


def test_nets_that_cannot_be_shown(
    tmp_path: Path, small_run: Path, small_net: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    two = {"hidden_sizes": [2], "n_inputs": 2, "n_outputs": 2}
    for name, changes in (
        ("xor", {"net": SigmoidMLP(**two), "model": two, "data": None}),  # type: ignore[arg-type]
        ("fashion", {"data": {"dataset": "FashionMNIST"}}),
    ):
        (tmp_path / f"{name}.safetensors").write_bytes(to_safetensors(small_net._replace(**changes)))
    monkeypatch.setattr("mnist_mlp.inference.find.files", lambda _: tmp_path)  # as if the package had no net
    (tmp_path / "other.ckpt").write_text("no net")
    for args, words in (
        (["--ckpt", "nowhere.ckpt"], r"there is no checkpoint nowhere\.ckpt"),
        (["--ckpt", str(small_run), "other.ckpt"], r"other\.ckpt is damaged or no checkpoint"),
        (["--ckpt", str(small_run), "fashion.safetensors"], "were trained on different data; make a page for each"),
        (["--ckpt", "xor.safetensors"], r"has 2 inputs and 2 outputs; the page shows nets with 784 and 10"),
        ([], "there is no run in"),
    ):
        with pytest.raises(InputError, match=words) as error:
            demo(["--no-browser", *args])
        assert "\n" not in str(error.value)
    assert not (tmp_path / command.OUT).exists()
