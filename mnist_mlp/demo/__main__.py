"""`python -m mnist_mlp.demo`: serve a page to draw a digit on and to look into the net."""

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
    """Serve the page until Ctrl-C, with these options; None takes those of the process.

    Raises:
        InputError: there is no net to show, or the page cannot be served at that address.
    """
    options = _parser().parse_args(args)
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port is {options.port}; it takes a number from 0 to 65535.")
    try:
        import starlette  # noqa: F401 (demo/app.py needs it)
        import uvicorn
    except ImportError as error:
        raise InputError(
            "the page needs the packages starlette and uvicorn; install them: python -m pip install starlette uvicorn."
        ) from error
    with _listening(options.host, options.port) as listening:
        # Imported only after the address is known to be free: torch and Lightning take seconds to import.
        import torch

        from mnist_mlp.demo.app import app
        from mnist_mlp.inference.find import find_net
        from mnist_mlp.inference.load import load_net

        torch.set_num_threads(1)  # for a single example, more threads are slower
        named = None if options.ckpt is None else Path(options.ckpt)
        net = named or find_net()
        load_net(net)  # raises InputError before the server starts
        port = listening.getsockname()[1]
        print(f"http://{in_url(options.host)}:{port}/ shows {net}; press Ctrl-C to stop.", flush=True)
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
        description="Serve a page for this computer's browser: draw a digit and see how the net computes its guess, "
        "layer by layer, then the cost, the gradient and the effect of a weight update. No file is changed.",
    )
    parser.add_ckpt_argument()
    parser.add_argument(
        "--host",
        type=str,
        default=HOST,
        help="The address to serve on. The default is reachable from this computer only. With an address in the "
        "network, or 0.0.0.0 for all addresses, everyone who can reach it can use the page.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="The port to serve on; 0 takes a free one.")
    return parser


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at this address.

    Raises:
        InputError: the address cannot be used.
    """
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listening = socket.create_server(address[:2], family=family)
        # Connections inherit this option. Without it, the end of an answer waits 40 ms until its beginning is
        # acknowledged.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            sentence = f"port {port} is in use; give another --port, or 0 for a free one."
        elif number == errno.EACCES:
            sentence = f"port {port} needs administrator rights; give a --port from 1024 to 65535."
        else:
            sentence = f"{host!r} is not an address of this computer; give another --host, or leave it out."
        raise InputError(sentence) from error


def hosts_of(host: str) -> tuple[str, ...]:
    """Return the host names that the page answers to when served on `host`; "*" stands for every IP address."""
    return (*LOCAL, host.lower(), *(["*"] if _is_every_address(host) else []))


def in_url(host: str) -> str:
    """Return the host as part of a URL: IPv6 in brackets, localhost for "all addresses"."""
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
