"""`python -m mnist_mlp.demo`: a page to draw a digit on, and to see what happens in the net."""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.options import Parser

HOST, PORT = "127.0.0.1", 8000
LOCAL = ("localhost", "127.0.0.1", "::1")
MOST_CONNECTIONS = 100


def demo(args: Sequence[str] | None = None) -> None:
    """Run the command with these options, None for those of the process, until Ctrl-C.

    Raises:
        InputError: there is no net to show, or the page cannot be served at that address.
    """
    options = _parser().parse_args(args)
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port is {options.port}; it takes a number from 0 to 65535.")
    try:
        import starlette  # noqa: F401 (mnist_mlp.demo_app needs it)
        import uvicorn
    except ImportError as error:
        raise InputError(
            "for the page the packages starlette and uvicorn are needed; install them: "
            "python -m pip install starlette uvicorn."
        ) from error
    with _listening(options.host, options.port) as listening:
        # Imported when the address is known to be free: torch and Lightning take their time.
        import torch

        from mnist_mlp.demo.app import app
        from mnist_mlp.inference.find import find_net
        from mnist_mlp.inference.load import load_net

        torch.set_num_threads(1)  # for one example, more of them cost more than they give
        named = None if options.ckpt is None else Path(options.ckpt)
        net = named or find_net()
        load_net(net)  # what is wrong with it is to be said now
        port = listening.getsockname()[1]
        print(f"http://{in_url(options.host)}:{port}/ shows {net}; Ctrl-C ends it.", flush=True)
        config = uvicorn.Config(
            app(named, net, hosts_of(options.host)),
            log_level="error",
            ws="none",
            lifespan="off",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(config).run(sockets=[listening])


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.demo",
        description="Serve a page to this computer's browser: draw a digit, and see the net at work on it, layer by "
        "layer; its cost, its gradient, and what a weight update does. No file is changed.",
    )
    parser.add_ckpt_argument()
    parser.add_argument(
        "--host",
        type=str,
        default=HOST,
        help="The address to serve at. Others than this computer reach it only if it is one of the network's, or "
        "0.0.0.0 for all; then whoever reaches it can use it.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="The port to serve at; 0 takes a free one.")
    return parser


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        InputError: it cannot.
    """
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listening = socket.create_server(address[:2], family=family)
        # Its connections inherit this; otherwise an answer's end waits for the acknowledgement of its beginning, 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            sentence = f"port {port} is in use; give another --port, or 0 for a free one."
        elif number == errno.EACCES:
            sentence = f"port {port} is not for programs of users; give a --port from 1024 to 65535."
        else:
            sentence = f"{host!r} is not an address of this computer; give another --host, or leave it out."
        raise InputError(sentence) from error


def hosts_of(host: str) -> tuple[str, ...]:
    """Names under which the page can be reached, if it is served at `host`; * for every IP address."""
    return (*LOCAL, host.lower(), *(["*"] if _is_every_address(host) else []))


def in_url(host: str) -> str:
    if _is_every_address(host):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _is_every_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


if __name__ == "__main__":
    run_command(demo)
