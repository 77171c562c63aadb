"""Serve one file over HTTP, by the standard library."""

import errno
import gzip
import ipaddress
import socket
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mnist_mlp.errors import InputError


class Server(ThreadingHTTPServer):
    """A server that answers "/" with `content`, the page."""

    daemon_threads = True
    content = packed = b""

    def show(self, content: bytes) -> None:
        """Set the page."""
        self.content, self.packed = content, gzip.compress(content, 5)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that a browser has closed."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        if self.path.partition("?")[0] != "/":
            self.send_error(404)
            return
        zipped = "gzip" in self.headers.get("Accept-Encoding", "")
        body = self.server.packed if zipped else self.server.content
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def listen(host: str, port: int) -> Server:
    """Return a server that listens at this address.

    Raises:
        InputError: the address cannot be used.
    """
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        server: Server = type("Server", (Server,), {"address_family": family})(address[:2], Handler)
        return server
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            sentence = f"port {port} is in use; give another --port, or 0 for a free one."
        elif number == errno.EACCES:
            sentence = f"port {port} needs administrator rights; give a --port from 1024 to 65535."
        else:
            sentence = f"{host!r} is not an address of this computer; give another --host, or leave it out."
        raise InputError(sentence) from error


def addresses(host: str, port: int) -> list[str]:
    """Return the URLs of a server on this host and port, first the one for this computer."""
    if not _is_every_address(host):
        return [f"http://{f'[{host}]' if ':' in host else host}:{port}/"]
    here = [f"http://localhost:{port}/"]
    address = _address_in_the_network()
    return [*here, f"http://{address}:{port}/"] if address else here


def _address_in_the_network() -> str | None:
    """Return this computer's IPv4 address in its network. Connecting a UDP socket sends nothing."""
    with suppress(OSError), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as chosen:
        chosen.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737): any route outside will do
        address = str(chosen.getsockname()[0])
        return None if ipaddress.ip_address(address).is_loopback else address
    return None


def _is_every_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
