"""The server's side of the page of `mnist_mlp.demo`: what it answers, and whom.

The page itself is three files in the folder `page`. It asks by POST with a JSON object, and is answered with one; what
is wrong is said in one sentence, {"error": ...}. Each browser tab has a session: a net of its own, of which it can
update the weights. They are in this process's memory only: no file is written. And nothing that a browser sends is used
as a path.
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

DRAWING = 280  # pixels on each side of what is drawn on
MARGIN = 2  # paper around it, so that paper is what is at the picture's edge however far the strokes go
MOST_BYTES = 256 * 1024  # of a request; a drawing takes 105 kB
MOST_SESSIONS = 16
BYTES_OF_UPDATES = 64 * 2**20  # of each session's memory for weights before its updates

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/script.js": ("script.js", "text/javascript"),
}

HEADERS = {
    # The page loads nothing but its own files, and no other page can frame it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """A request that is not answered.

    status: of HTTP. The message is one sentence.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Session:
    """One tab's net. `history` has its layers before each of its updates, and as they are now, last."""

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
        """(28, 28) bytes to the (784,) input neurons' activations."""
        return self.trained.preprocessing(torch.from_numpy(image.copy())[None])[0]

    def seen(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(28, 28) bytes -> the same as the net gets them, upright if it was trained on such."""
        upright = self.trained.preprocessing.upright(torch.from_numpy(image.copy())[None])[0]
        levels: NDArray[np.uint8] = upright.float().round().byte().numpy()
        return levels


class Sessions:
    """The last 16 tabs that asked for something."""

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
            raise Refused(404, "this tab's net is no longer kept, because others were opened; open it again.")
        self._by_id.move_to_end(name)
        return self._by_id[name]


class Asked:
    """What a request asks for: a JSON object, whose values are checked as they are taken."""

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
            raise InputError(f"{key} is not a text.")
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
        """(side, side), of as many bytes in base64, row by row, 0 paper to 255 ink."""
        value = self.text(key)
        try:
            content = base64.b64decode(value, validate=True)
        except ValueError as error:  # binascii.Error is one
            raise InputError(f"{key} is not base64.") from error
        if len(content) != side * side:
            raise InputError(f"{key} is not {side} x {side} bytes in base64.")
        return np.frombuffer(content, np.uint8).reshape(side, side)


# What a session is asked for. Each gives what is answered as JSON.


def draw(session: Session, asked: Asked) -> dict[str, Any]:
    """A drawing in MNIST's form, and what the net makes of it."""
    image = mnist_form(np.pad(asked.pixels("drawing", DRAWING), MARGIN))
    return {"image": _base64(image), **_shown(session, image)}


def forward(session: Session, asked: Asked) -> dict[str, Any]:
    """An image of MNIST's form, such as `draw` gave, with the net as it is now."""
    return _shown(session, asked.pixels("image", SIZE))


def neuron(session: Session, asked: Asked) -> dict[str, Any]:
    """z = W a + b of one neuron; layers and neurons are counted from 0, layer 0 being the first hidden one."""
    layer = asked.whole_number("layer", below=len(session.layers))
    index = asked.whole_number("neuron", below=len(session.layers[layer].weight))
    found = demo_net.neuron(session.layers, session.inputs(asked.pixels("image", SIZE)), layer, index)
    return {**found._asdict(), "weights": found.weights.tolist(), "inputs": found.inputs.tolist()}


def cost(session: Session, asked: Asked) -> dict[str, Any]:
    """The cost of the image, if it is to be `digit`, and its gradient."""
    found = demo_net.gradient(session.trained.net, session.layers, *_example(session, asked))
    return {
        **found._asdict(),
        **{key: getattr(found, key).tolist() for key in ("targets", "terms", "deltas")},
        "norms": [{"weights": weights, "biases": biases} for weights, biases in found.norms],
    }


def update(session: Session, asked: Asked) -> dict[str, Any]:
    """One weight update on this example; the output activations and the cost before and after."""
    if session.updates >= session.most_updates:
        raise InputError(f"{session.updates} weight updates have been made, as many as can be undone; undo some first.")
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
    """Take the last weight update back, or all of them."""
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
    """The application that serves the page.

    Args:
        named: a net of the command's --ckpt, to choose besides those that are found.
        default: the net that is chosen at first.
        hosts: names under which it is to be reached; "*" stands for every IP address.
    """
    sessions = Sessions()

    async def nets(asked: Asked) -> dict[str, Any]:
        found = _nets(named)
        chosen = [name for name, path in found.items() if path.resolve() == default.resolve()]
        return {"nets": list(found), "default": (chosen or list(found))[0]}

    async def open_net(asked: Asked) -> dict[str, Any]:
        path = _nets(named).get(asked.text("net"))
        if path is None:
            raise Refused(404, "there is no such net, or no longer; reload the page.")
        name, session = sessions.open(await run_in_threadpool(load_net, path))
        return {"session": name, **_description(session.trained)}

    def of_session(answer: Callable[[Session, Asked], dict[str, Any]]) -> Callable[[Asked], Awaitable[dict[str, Any]]]:
        # In the event loop, one at a time: a few milliseconds each, and no two of them meet in the same session.
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
    """What can be chosen: the nets by the names that the page shows, and sends back."""
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
                # What is sent as JSON from another site's page, the browser asks about first, in vain.
                raise Refused(415, "send JSON, as application/json.")
            return as_json(await answer(Asked(await _content(request))))
        except ClientDisconnect:  # a tab was closed
            return Response()
        except Refused as error:
            return _error(error.status, str(error))
        except InputError as error:
            return _error(400, str(error))

    return Route(f"/api/{name}", served, methods=["POST"])


def as_json(answer: dict[str, Any]) -> JSONResponse:
    """An answer to the page.

    Raises:
        InputError: there are numbers in it that are not finite.
    """
    try:
        return JSONResponse(answer)
    except ValueError as error:
        raise InputError("the weights have grown so large that the results are no numbers; undo an update.") from error


async def _content(request: Request) -> bytes:
    """What was sent; if it is too long, it is read to its end, but not kept: else the answer would not be read."""
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
    """Answers only what the page itself asks, at an address that this server was started for.

    Another site's page cannot send an Origin that is this one's. One whose name its owner has pointed to this machine
    (DNS rebinding) sends that name as Host.
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
            sentence = "this server is not to be reached under that name; start it with --host to make it so."
        elif origin not in (None, f"http://{host}"):
            sentence = "only the page of this server itself is answered."
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
