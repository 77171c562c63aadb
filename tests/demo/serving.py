"""The real server of `mnist_mlp.demo` in a real process, and what a browser's script would ask of it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130


class Server:
    """url: where it serves. folder: the process's."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.address = url.removeprefix("http://").rstrip("/")

    def send(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by their names in lower case, and content of the answer."""
        with closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()

    def ask(self, what: str, **question: Any) -> dict[str, Any]:
        status, _, content = self.send(f"/api/{what}", json.dumps(question))
        assert status == 200, content
        answer: dict[str, Any] = json.loads(content)
        return answer

    def open(self) -> str:
        """A session of its own, with the default net."""
        return str(self.ask("open", net=self.ask("nets")["default"])["session"])


def demo_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "mnist_mlp.demo", *options]


def environment() -> dict[str, str]:
    """So that a process in another folder runs this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Runs in `folder`, on a free port, until Ctrl-C, which must end it."""
    process = subprocess.Popen(
        demo_command("--port", "0", *options),
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        said = re.match(r"(http://\S+/) shows .*; Ctrl-C ends it\.\n", line)
        assert said, line + process.communicate(timeout=60)[1]
        yield Server(said[1], folder)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            output = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert (process.returncode, *output) == (INTERRUPTED, "", "mnist_mlp: interrupted.\n"), output
