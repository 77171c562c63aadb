"""The real demo server in a process of its own, and a client that sends what the page's script would send."""

import base64
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

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
INTERRUPTED = 130


class Server:
    """A running server.

    url: the page's address.
    folder: the process's working directory.
    address: host and port.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.address = url.removeprefix("http://").rstrip("/")

    def send(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None, method: str = "POST"
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return the answer's status, headers (by lower-case name) and content."""
        with closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()

    def ask(self, what: str, **question: Any) -> dict[str, Any]:
        """Send a request to the API that must succeed; return the answer."""
        status, _, content = self.send(f"/api/{what}", json.dumps(question))
        assert status == 200, content
        answer: dict[str, Any] = json.loads(content)
        return answer

    def open(self) -> str:
        """Open a new session with the default net; return its id."""
        return str(self.ask("open", net=self.ask("nets")["default"])["session"])


def to_base64(image: NDArray[np.uint8]) -> str:
    """Encode an image as the page sends it."""
    return base64.b64encode(image.tobytes()).decode()


def from_base64(text: str) -> NDArray[np.uint8]:
    """Decode a (28, 28) image from an answer."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(28, 28)


def demo_command(*options: str) -> list[str]:
    return [sys.executable, "-m", "mnist_mlp.demo", *options]


def environment() -> dict[str, str]:
    """Return environment variables with which a process in another folder runs this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[Server]:
    """Run the server in `folder` on a free port, then end it with Ctrl-C. It must print nothing unexpected."""
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
        said = re.match(r"(http://\S+/) shows .*; press Ctrl-C to stop\.\n", line)
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
