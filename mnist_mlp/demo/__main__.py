"""`python -m mnist_mlp.demo`: write a page to draw a digit on and to look into the net, in one HTML file."""

import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from mnist_mlp.errors import InputError, run_command
from mnist_mlp.files import write_atomically
from mnist_mlp.options import Parser

OUT = Path("mnist_mlp_demo.html")
MARK = "<!-- written by mnist_mlp.demo -->"  # in the first lines of every page, so that only a page is overwritten
HOST, PORT = "0.0.0.0", 8000


def demo(args: Sequence[str] | None = None) -> None:
    """Write the page and open it, or serve it until Ctrl-C, with these options; None takes those of the process.

    Raises:
        InputError: there is no net to show, the file cannot be written, or the page cannot be served at that address.
    """
    options = _parser().parse_args(args)
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port is {options.port}; it takes a number from 0 to 65535.")
    out = None if options.serve and options.out is None else Path(options.out or OUT)
    if out is not None:
        _check_replaceable(out)

    if not options.serve:
        _written(options.ckpt, out)
        if out is not None and not options.no_browser:
            _open(out.resolve().as_uri())
        return

    from mnist_mlp.demo.serving import addresses, listen

    with listen(options.host, options.port) as server:
        server.show(_written(options.ckpt, out))
        here, *others = addresses(options.host, server.server_address[1])
        print(f"{here} serves the page; press Ctrl-C to stop.", flush=True)
        for other in others:
            print(f"{other} is its address for other devices in the same network.", flush=True)
        if not options.no_browser:
            _open(here)
        server.serve_forever()


def _written(nets: Sequence[str], out: Path | None) -> bytes:
    """Return the page with these nets, and write it to `out`."""
    # Imported only after the options are known to be right: torch and Lightning take seconds to import.
    from mnist_mlp.demo.bundle import page
    from mnist_mlp.demo.contents import contents
    from mnist_mlp.demo.nets import default_nets

    paths = [Path(path) for path in nets] or default_nets()
    print(f"mnist_mlp: the page shows {', '.join(map(str, paths))}", file=sys.stderr)
    content = page(contents(paths)).encode()
    if out is not None:
        try:
            write_atomically(out, content)
        except OSError as error:
            raise InputError(f"{out} cannot be written ({error.strerror or error}); give another --out.") from error
        print(f"{out.resolve()} ({len(content) / 1e6:.1f} MB)", flush=True)
    return content


def _parser() -> Parser:
    parser = Parser(
        prog="python -m mnist_mlp.demo",
        description="Write a page as one HTML file and open it in the browser: draw a digit and see how the net "
        "computes its guess, layer by layer; make a weight update; go through the net's training; train one. "
        "The file needs neither this computer nor a network.",
    )
    parser.add_argument(
        "--ckpt",
        type=str,
        nargs="+",
        default=[],
        metavar="FILE",
        help="The nets: checkpoints, or .safetensors files from mnist_mlp.export. By default they are the net that "
        "comes with the package and the best checkpoint of the newest run in ./lightning_logs.",
    )
    parser.add_argument(
        "--out",
        type=str | None,
        default=None,
        metavar="FILE.html",
        help=f"The file to write. The default is {OUT}; with --serve, no file is written unless this is given.",
    )
    parser.add_argument("--no-browser", action="store_true", help="Do not open the page.")
    parser.add_argument(
        "--serve",
        action="store_true",
        help="Serve the page until Ctrl-C, for phones and other computers in the same network.",
    )
    parser.add_argument(
        "--host",
        type=str,
        default=HOST,
        help="The address to serve on. The default stands for all addresses of this computer, so that everyone in "
        "its network can open the page; 127.0.0.1 is for this computer only.",
    )
    parser.add_argument("--port", type=int, default=PORT, help="The port to serve on; 0 takes a free one.")
    return parser


def _check_replaceable(out: Path) -> None:
    """Check that `out` is a new file, or a page that this command has written.

    Raises:
        InputError: it is neither, or its folder does not exist.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out is {out}; give a name that ends in .html.")
    if not out.parent.is_dir():
        raise InputError(f"there is no folder {out.parent}; give another --out.")
    try:
        with out.open("rb") as file:
            ours = MARK.encode() in file.read(1_000)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{out} cannot be replaced ({error.strerror or error}); give another --out.") from error
    if not ours:
        raise InputError(f"{out} is there and is not a page of this command; move it, or give another --out.")


def _open(url: str) -> bool:
    """Open a page in the browser, if this computer has a screen and a browser."""
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        return False  # a browser for the terminal would take it over, and could not show the page
    try:
        return webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


if __name__ == "__main__":
    run_command(demo)
