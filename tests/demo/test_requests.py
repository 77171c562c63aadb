"""Requests that the server refuses: bad input, paths, other sites' pages."""

import base64
import json
import re
import socket
from importlib.resources import files

import pytest

from mnist_mlp.demo.__main__ import hosts_of, in_url
from mnist_mlp.demo.app import Guard
from tests.demo.serving import Server

PIXELS = base64.b64encode(bytes(784)).decode()
BAD_REQUESTS: dict[str, tuple[str, str | bytes, int, str]] = {
    "no JSON": ("draw", b"{", 400, "the request is not JSON."),
    "no text": ("draw", b"\xff\xfe", 400, "the request is not JSON."),
    "deep": ("draw", b"[" * 100_000, 400, "the request is not JSON."),
    "a list": ("draw", "[]", 400, "the request is not a JSON object."),
    "no session": ("draw", "{}", 400, "session is not a string."),
    "unknown session": ("draw", '{"session": "x"}', 404, "open it again"),
    "no drawing": ("draw", '{"session": SESSION}', 400, "drawing is not a string."),
    "not base64": ("draw", '{"session": SESSION, "drawing": "é*"}', 400, "drawing is not base64."),
    "wrong size": ("draw", '{"session": SESSION, "drawing": "AAAA"}', 400, "drawing is not 280 x 280 bytes"),
    "blank": (
        "draw",
        json.dumps({"drawing": base64.b64encode(bytes(280 * 280)).decode()})[:-1] + ', "session": SESSION}',
        400,
        "nothing in it stands out",
    ),
    "no such layer": ("neuron", '{"session": SESSION, "layer": 2, "neuron": 0, "image": IMAGE}', 400, "from 0 to 1."),
    "no such neuron": ("neuron", '{"session": SESSION, "layer": 1, "neuron": -1, "image": IMAGE}', 400, "0 to 9."),
    "no digit": ("cost", '{"session": SESSION, "digit": true, "image": IMAGE}', 400, "digit is not a whole number"),
    "digit 10": ("update", '{"session": SESSION, "digit": 10, "eta": 1, "image": IMAGE}', 400, "from 0 to 9."),
    "no eta": ("update", '{"session": SESSION, "digit": 1, "image": IMAGE}', 400, "eta is not a number above 0"),
    "NaN": ("update", '{"session": SESSION, "digit": 1, "eta": NaN, "image": IMAGE}', 400, "eta is not a number"),
    "eta 0": ("update", '{"session": SESSION, "digit": 1, "eta": 0, "image": IMAGE}', 400, "eta is not a number"),
    "large eta": (
        "update",
        '{"session": SESSION, "digit": 1, "eta": 1' + "0" * 400 + ', "image": IMAGE}',
        400,
        "at most 1e+06.",
    ),
    "too long": ("draw", b" " * 300_000, 413, "longer than 262144 bytes"),
}


@pytest.mark.parametrize(("what", "body", "status", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_a_bad_request_gets_one_sentence(server: Server, what: str, body: str | bytes, status: int, words: str) -> None:
    """Afterwards the server still answers."""
    if isinstance(body, str):
        body = body.replace("SESSION", f'"{server.open()}"').replace("IMAGE", f'"{PIXELS}"').encode()
    found, headers, content = server.send(f"/api/{what}", body)
    assert (found, headers["content-type"]) == (status, "application/json")
    sentence = json.loads(content)["error"]
    assert words in sentence
    assert re.fullmatch(r"[^\n]+\.", sentence)
    server.ask("nets")


@pytest.mark.parametrize("name", ["secret.ckpt", "../demo/secret.ckpt", "lightning_logs/version_0", "/etc/passwd", ""])
def test_no_path_from_a_browser_is_opened(server: Server, name: str) -> None:
    status, _, content = server.send("/api/open", json.dumps({"net": name}))
    assert (status, json.loads(content)["error"]) == (
        404,
        "there is no such net, or it no longer exists; reload the page.",
    )
    status, _, content = server.send(f"/{name}" if name else "/page/", method="GET")
    assert (status, content) == (404, b"Not Found")


def test_a_request_without_a_length_is_limited_too(server: Server) -> None:
    status, _, _ = server.send("/api/draw", iter([b" " * 60_000] * 5))
    assert status == 413


def test_a_tab_closed_in_the_middle_of_a_request(server: Server) -> None:
    """The server prints nothing (`serving` checks its output when it ends) and answers others."""
    with socket.create_connection(("127.0.0.1", int(server.address.split(":")[1]))) as connection:
        head = f"POST /api/draw HTTP/1.1\r\nHost: {server.address}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    server.ask("nets")


def test_only_the_server_s_own_page_is_answered(server: Server) -> None:
    """Refused are other sites' pages, other names that point to this address, and what an HTML form can send."""
    for headers, status in (
        ({}, 200),
        ({"Origin": f"http://{server.address}"}, 200),
        ({"Host": server.address.replace("127.0.0.1", "localhost")}, 200),
        ({"Origin": "http://example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"https://{server.address}"}, 403),
        ({"Host": "example.com"}, 403),
        ({"Host": "example.com", "Origin": "http://example.com"}, 403),
        ({"Host": "192.168.0.1"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ):
        assert server.send("/api/nets", "{}", headers)[0] == status, headers
    for host, status in ((server.address, 200), ("example.com", 403)):
        assert server.send("/", headers={"Host": host}, method="GET")[0] == status
    assert server.send("/api/nets", method="GET")[0] == 405


def test_the_page_refers_to_its_own_files_only(server: Server) -> None:
    """It has three files, which name no others, and the headers forbid the browser to load or contact anything else."""
    for path, kind in (("/", "text/html"), ("/style.css", "text/css"), ("/script.js", "text/javascript")):
        status, headers, content = server.send(path, method="GET")
        assert status == 200
        assert headers["content-type"] == f"{kind}; charset=utf-8"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        page = content.decode()
        assert not re.findall(r"(?:https?:)?//[a-z]|@import|url\(", page)
        assert set(re.findall(r'(?:src|href)="([^"]*)"', page)) <= {"data:,", "style.css", "script.js"}
    names = {entry.name for entry in (files("mnist_mlp") / "demo" / "page").iterdir()}
    assert names == {"index.html", "style.css", "script.js"}


def test_on_a_network_the_server_answers_to_addresses_and_its_own_name() -> None:
    """If it answered to any name, another site could reach it (DNS rebinding)."""
    for host, reached, not_reached in (
        ("127.0.0.1", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"], ["10.0.0.5:8000", "", "a.b"]),
        ("0.0.0.0", ["10.0.0.5:8000", "[fe80::1]", "localhost"], ["example.com", "10.0.0.5.example.com"]),
        ("My-Machine", ["my-machine:8000"], ["my-machine.example.com", "10.0.0.5"]),
    ):
        guard = Guard(None, hosts_of(host))  # type: ignore[arg-type]
        assert all(guard.serves(name) for name in reached)
        assert not any(guard.serves(name) for name in not_reached)
    assert [in_url(host) for host in ("127.0.0.1", "::1", "0.0.0.0")] == ["127.0.0.1", "[::1]", "localhost"]
