"""The server of the demo page: its JSON API, its sessions, and the checks of who may use it.

The page consists of the three files in demo/page. It sends POST requests with a JSON object and gets a JSON object
back. Errors are one sentence: {"error": ...}. Each browser tab has a session with its own copy of the net, whose
weights it can update. Sessions live in this process's memory, and no file is written. Nothing that a browser sends is
used as a file path.
"""

import base64
import ipaddress
import json
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from torch import Tensor

from mnist_mlp.backprop import Layer, layers_of
from mnist_mlp.demo import net as demo_net
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import RUNS, checkpoints_of_runs, nets_of_the_package
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.picture import SIZE, mnist_form
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import N_OUTPUTS

DRAWING = 280  # width and height of the canvas in pixels
MARGIN = 2  # pixels of paper added around the drawing, so that the edge is paper even if strokes reach it
MOST_BYTES = 256 * 1024  # per request; a drawing takes 105 kB
MOST_SESSIONS = 16
BYTES_OF_UPDATES = 64 * 2**20  # per session, for the weights that undo goes back to

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
}

HEADERS = {
    # The page loads only its own files, and no other page can embed it in a frame.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that is refused. The message is one sentence.

    status: the HTTP status code.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Session:
    """One tab's net.

    history: the layers before each weight update, oldest first, and last the current layers.
    """

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.history = [copied_layers(trained.net)]
        size = sum(weight.nbytes for weight in trained.net.parameters())
        self.most_updates = max(2, BYTES_OF_UPDATES // size)

    @property
    def layers(self) -> list[Layer]:
        return self.history[-1]

    @property
    def updates(self) -> int:
        return len(self.history) - 1

    def inputs(self, image: NDArray[np.uint8]) -> Tensor:
        """Preprocess an image: (28, 28) uint8 -> (784,), the input neurons' activations."""
        return self.trained.preprocessing(torch.from_numpy(image.copy())[None])[0]

    def seen(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image as the net gets it, (28, 28) uint8: deskewed if the net was trained on deskewed images."""
        upright = self.trained.preprocessing.upright(torch.from_numpy(image.copy())[None])[0]
        levels: NDArray[np.uint8] = upright.float().round().byte().numpy()
        return levels


class Sessions:
    """The sessions of the 16 tabs that sent a request last."""

    def __init__(self) -> None:
        self._by_id: OrderedDict[str, Session] = OrderedDict()

    def open(self, trained: Trained) -> tuple[str, Session]:
        name = secrets.token_urlsafe()
        self._by_id[name] = Session(trained)
        while len(self._by_id) > MOST_SESSIONS:
            self._by_id.popitem(last=False)
        return name, self._by_id[name]

    def __getitem__(self, name: str) -> Session:
        if name not in self._by_id:
            raise Refused(404, "this tab's net was dropped because too many others were opened; open it again.")
        self._by_id.move_to_end(name)
        return self._by_id[name]


class Asked:
    """The JSON object of a request. Each method checks one value and raises InputError if it is not valid."""

    def __init__(self, content: bytes) -> None:
        try:
            values = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise InputError("the request is not JSON.") from error
        if not isinstance(values, dict):
            raise InputError("the request is not a JSON object.")
        self.values: dict[str, Any] = values

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str):
            raise InputError(f"{key} is not a string.")
        return value

    def whole_number(self, key: str, below: int) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < below:
            raise InputError(f"{key} is not a whole number from 0 to {below - 1}.")
        return value

    def positive_number(self, key: str, most: float) -> float:
        value = self.values.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= most:
            raise InputError(f"{key} is not a number above 0 and at most {most:g}.")
        return float(value)

    def pixels(self, key: str, side: int) -> NDArray[np.uint8]:
        """Decode an image, (side, side) uint8 from 0 (paper) to 255 (ink): its bytes row by row, in base64."""
        value = self.text(key)
        try:
            content = base64.b64decode(value, validate=True)
        except ValueError as error:  # binascii.Error is one
            raise InputError(f"{key} is not base64.") from error
        if len(content) != side * side:
            raise InputError(f"{key} is not {side} x {side} bytes in base64.")
        return np.frombuffer(content, np.uint8).reshape(side, side)


# The requests to a session. Each function returns the JSON object of the answer.


def draw(session: Session, asked: Asked) -> dict[str, Any]:
    """Bring a drawing to MNIST's form and run forward propagation on it."""
    image = mnist_form(np.pad(asked.pixels("drawing", DRAWING), MARGIN))
    return {"image": _base64(image), **_shown(session, image)}


def forward(session: Session, asked: Asked) -> dict[str, Any]:
    """Run forward propagation on an image in MNIST's form, as `draw` returns it, with the current weights."""
    return _shown(session, asked.pixels("image", SIZE))


def neuron(session: Session, asked: Asked) -> dict[str, Any]:
    """Return z = W a + b of one neuron. Layers and neurons are counted from 0; layer 0 is the first hidden layer."""
    layer = asked.whole_number("layer", below=len(session.layers))
    index = asked.whole_number("neuron", below=len(session.layers[layer].weight))
    found = demo_net.neuron(session.layers, session.inputs(asked.pixels("image", SIZE)), layer, index)
    return {**found._asdict(), "weights": found.weights.tolist(), "inputs": found.inputs.tolist()}


def cost(session: Session, asked: Asked) -> dict[str, Any]:
    """Return the cost of the image with the label `digit`, and its gradient."""
    found = demo_net.gradient(session.trained.net, session.layers, *_example(session, asked))
    return {
        **found._asdict(),
        **{key: getattr(found, key).tolist() for key in ("targets", "terms", "deltas")},
        "norms": [{"weights": weights, "biases": biases} for weights, biases in found.norms],
    }


def update(session: Session, asked: Asked) -> dict[str, Any]:
    """Make one weight update on this example; return the output activations and the cost before and after it."""
    if session.updates >= session.most_updates:
        raise InputError(
            f"this tab has made {session.updates} weight updates, the most that it can undo; undo some first."
        )
    inputs, digit = _example(session, asked)
    eta = asked.positive_number("eta", most=1_000_000)
    net, before = session.trained.net, session.layers
    after = demo_net.updated(net, before, inputs, digit, eta)
    session.history.append(after)
    return {
        "updates": session.updates,
        **{
            name: {
                "outputs": propagate(layers, inputs)[-1].a.tolist(),
                "cost": demo_net.gradient(net, layers, inputs, digit).cost,
            }
            for name, layers in (("before", before), ("after", after))
        },
    }


def undo(session: Session, asked: Asked) -> dict[str, Any]:
    """Undo the last weight update, or all of them."""
    if not session.updates:
        raise InputError("there is no weight update to undo.")
    kept = 1 if asked.values.get("all") is True else session.updates
    del session.history[kept:]
    return {"updates": session.updates}


ANSWERS: Mapping[str, Callable[[Session, Asked], dict[str, Any]]] = {
    "draw": draw,
    "forward": forward,
    "neuron": neuron,
    "cost": cost,
    "update": update,
    "undo": undo,
}


def _example(session: Session, asked: Asked) -> tuple[Tensor, int]:
    return session.inputs(asked.pixels("image", SIZE)), asked.whole_number("digit", below=N_OUTPUTS)


def _shown(session: Session, image: NDArray[np.uint8]) -> dict[str, Any]:
    states = propagate(session.layers, session.inputs(image))
    return {
        "seen": _base64(session.seen(image)),
        "layers": [state.a.tolist() for state in states],
        "guess": int(states[-1].a.argmax()),
        "updates": session.updates,
    }


def _base64(image: NDArray[np.uint8]) -> str:
    return base64.b64encode(image.tobytes()).decode()


# The server


def app(named: Path | None, default: Path, hosts: Sequence[str]) -> Starlette:
    """Return the application that serves the page.

    Args:
        named: the net of --ckpt, offered in addition to those found; None if the option was left out.
        default: the net that is selected at first.
        hosts: the host names to answer to; "*" stands for every IP address.
    """
    sessions = Sessions()

    async def nets(asked: Asked) -> dict[str, Any]:
        found = _nets(named)
        chosen = [name for name, path in found.items() if path.resolve() == default.resolve()]
        return {"nets": list(found), "default": (chosen or list(found))[0]}

    async def open_net(asked: Asked) -> dict[str, Any]:
        path = _nets(named).get(asked.text("net"))
        if path is None:
            raise Refused(404, "there is no such net, or it no longer exists; reload the page.")
        name, session = sessions.open(await run_in_threadpool(load_net, path))
        return {"session": name, **_description(session.trained)}

    def of_session(answer: Callable[[Session, Asked], dict[str, Any]]) -> Callable[[Asked], Awaitable[dict[str, Any]]]:
        # Runs in the event loop: requests take a few milliseconds each, and none runs beside another in a session.
        async def answered(asked: Asked) -> dict[str, Any]:
            return answer(sessions[asked.text("session")], asked)

        return answered

    return Starlette(
        routes=[
            *(_file(path, name, media_type) for path, (name, media_type) in PAGE.items()),
            _api("nets", nets),
            _api("open", open_net),
            *(_api(name, of_session(answer)) for name, answer in ANSWERS.items()),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
    )


def _nets(named: Path | None) -> dict[str, Path]:
    """Return the nets to choose from, by the names that the page shows and sends back."""
    found = {f"{path.name} of the package": path for path in reversed(nets_of_the_package())}
    found |= {f"{path.relative_to(RUNS).parts[0]}: {path.name}": path for path in checkpoints_of_runs()}
    if named is not None and named.resolve() not in [path.resolve() for path in found.values()]:
        found = {str(named): named, **found}
    return found


def _description(trained: Trained) -> dict[str, Any]:
    net = trained.net
    return {
        "sizes": [net.linear_layers[0].in_features, *(layer.out_features for layer in net.linear_layers)],
        "activations": [layer.activation for layer in layers_of(net)],
        "cost_function": net.hparams["cost_function"],
        "targets": net.hparams["target_values"],
        "learning_rate": net.hparams["learning_rate"],
        "paper": trained.preprocessing.paper,
        "ink": trained.preprocessing.ink,
    }


def _file(path: str, name: str, media_type: str) -> Route:
    content = (files("mnist_mlp") / "demo" / "page" / name).read_bytes()

    async def served(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return Route(path, served)


def _api(name: str, answer: Callable[[Asked], Awaitable[dict[str, Any]]]) -> Route:
    async def served(request: Request) -> Response:
        try:
            if request.headers.get("content-type") != "application/json":
                # A browser sends JSON from another site's page only after a CORS preflight, which fails here.
                raise Refused(415, "send JSON with the content type application/json.")
            return as_json(await answer(Asked(await _content(request))))
        except ClientDisconnect:  # a tab was closed
            return Response()
        except Refused as error:
            return _error(error.status, str(error))
        except InputError as error:
            return _error(400, str(error))

    return Route(f"/api/{name}", served, methods=["POST"])


def as_json(answer: dict[str, Any]) -> JSONResponse:
    """Return the answer as JSON.

    Raises:
        InputError: a number in it is not finite, which JSON cannot express.
    """
    try:
        return JSONResponse(answer)
    except ValueError as error:
        raise InputError("the weights are so large that the results overflow; undo an update.") from error


async def _content(request: Request) -> bytes:
    """Return the request's body. If it is too long, read it to its end, or the client would not read the error.

    Raises:
        Refused: the body is too long.
    """
    content, length = bytearray(), 0
    async for part in request.stream():
        length += len(part)
        if length <= MOST_BYTES:
            content += part
    if length > MOST_BYTES:
        raise Refused(413, f"the request is longer than {MOST_BYTES} bytes.")
    return bytes(content)


def _error(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status_code=status)


class Guard:
    """Middleware that refuses requests from other sites' pages and requests under other host names.

    A page of another site cannot send this server's Origin. If its owner points the site's name to this computer (DNS
    rebinding), the browser sends that name as Host.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [(key.lower().encode(), value.encode()) for key, value in HEADERS.items()]
            await send(message)

        headers = Request(scope).headers
        host, origin = headers.get("host", ""), headers.get("origin")
        sentence = None
        if not self.serves(host):
            sentence = "this server does not answer to that host name; start it with --host to allow the name."
        elif origin not in (None, f"http://{host}"):
            sentence = "this server answers only its own page."
        answer = self.app if sentence is None else _error(403, sentence)
        return await answer(scope, receive, send_with_headers)

    def serves(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self.hosts or ("*" in self.hosts and _is_ip_address(name))


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
