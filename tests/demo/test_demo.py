"""The page's server: what it says of the net is true, what it changes can be undone, and whom it does not answer."""

import base64
import hashlib
import io
import json
import re
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mnist_mlp import demo_app, demo_net
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewed
from mnist_mlp.demo.__main__ import demo, hosts_of, in_url
from mnist_mlp.demo.app import Asked, Session, Sessions
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.inference.picture import mnist_form, read_image
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.demo.serving import Server, demo_command, environment

NETS: dict[str, dict[str, Any]] = {
    "sigmoid": {"hidden_sizes": [20]},
    "no hidden layer": {"hidden_sizes": []},
    "no biases, tanh": {"hidden_sizes": [12, 7], "bias": False, "activation": "tanh"},
    "scaled tanh": {
        "hidden_sizes": [9],
        "activation": "scaled_tanh",
        "output_activation": "scaled_tanh",
        "target_values": (-1.0, 1.0),
    },
    "identity": {"hidden_sizes": [8], "activation": "identity", "output_activation": "identity"},
    "cross-entropy": {"hidden_sizes": [15], "cost_function": "cross_entropy"},
}


def net_of(settings: dict[str, Any], seed: int = 0) -> SigmoidMLP:
    torch.manual_seed(seed)
    return SigmoidMLP(**settings)


# The functions


@pytest.mark.parametrize("settings_", NETS.values(), ids=NETS)
def test_activations_are_the_net_s(settings_: dict[str, Any]) -> None:
    net = net_of(settings_)
    image = torch.rand(784)
    states = propagate(copied_layers(net), image)
    with torch.no_grad():
        assert torch.equal(states[-1].a, net(image[None])[0])
    assert [len(state.a) for state in states] == [*settings_["hidden_sizes"], 10]


@pytest.mark.parametrize("settings_", NETS.values(), ids=NETS)
def test_a_neuron_is_its_weighed_inputs(settings_: dict[str, Any]) -> None:
    """z = Σ w a + b, from what is shown of it, for a neuron of every layer; and the net's own z and a."""
    layers, image = copied_layers(net_of(settings_)), torch.rand(784)
    states = propagate(layers, image)
    for layer in range(len(layers)):
        found = demo_net.neuron(layers, image, layer, 3)
        assert found.weights @ found.inputs + (found.bias or 0) == pytest.approx(found.z, abs=1e-4)
        assert (found.z, found.a) == pytest.approx((states[layer].z[3].item(), states[layer].a[3].item()), abs=1e-6)
        assert (found.bias is None) == (settings_.get("bias") is False)


@pytest.mark.parametrize("settings_", NETS.values(), ids=NETS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1_000), digit=st.integers(0, 9))
def test_cost_and_gradient_are_those_of_training(settings_: dict[str, Any], seed: int, digit: int) -> None:
    """As autograd has them through the net's own `forward` and `cost`."""
    net = net_of(settings_, seed)
    image, label = torch.rand(784), torch.tensor([digit])
    found = demo_net.gradient(net, copied_layers(net), image, digit)
    cost = net.cost(net(image[None]), label).mean()
    cost.backward()
    assert found.cost == pytest.approx(cost.item(), rel=1e-5)
    assert found.terms.mean().item() == pytest.approx(cost.item(), rel=1e-5)
    assert found.targets.tolist() == net.targets(label, torch.float32)[0].tolist()
    for layer, (weights, biases) in zip(net.linear_layers, found.norms, strict=True):
        assert layer.weight.grad is not None
        assert weights == pytest.approx(layer.weight.grad.norm().item(), rel=1e-4)
        if biases is not None:
            assert layer.bias.grad is not None
            assert biases == pytest.approx(layer.bias.grad.norm().item(), rel=1e-4)
    if net.linear_layers[-1].bias is not None:  # dC/db = dC/dz, because z = W a + b
        assert torch.allclose(found.deltas, net.linear_layers[-1].bias.grad, rtol=1e-4, atol=1e-7)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings_", NETS.values(), ids=NETS)
def test_an_update_is_the_gradient_times_eta(settings_: dict[str, Any]) -> None:
    """The update shown is that of the gradient shown; the layers it was made from stay as they are, bit for bit."""
    net, image, eta = net_of(settings_), torch.rand(784), 0.5
    layers = copied_layers(net)
    kept = [layer.weight.clone() for layer in layers]
    new = demo_net.updated(net, layers, image, 4, eta)
    found = demo_net.gradient(net, layers, image, 4)
    for old, layer, weight, (norm, _) in zip(layers, new, kept, found.norms, strict=True):
        assert torch.equal(old.weight, weight)
        assert ((weight - layer.weight).norm() / eta).item() == pytest.approx(norm, rel=1e-3)
    if layers[-1].bias is not None and new[-1].bias is not None:
        assert torch.allclose((layers[-1].bias - new[-1].bias) / eta, found.deltas, atol=1e-6)


def test_the_gradient_of_a_net_that_is_sure_and_wrong() -> None:
    """Cross-entropy's δ = (a - y)/10 stays, where through a float32's logarithm it would be lost."""
    net = net_of(NETS["cross-entropy"])
    with torch.no_grad():
        net.linear_layers[-1].bias.fill_(-40)
    layers = copied_layers(net)
    image = torch.zeros(784)
    deltas = demo_net.gradient(net, layers, image, 6).deltas
    assert deltas[6].item() == pytest.approx(-0.1, rel=1e-5)
    new = demo_net.updated(net, layers, image, 6, 1.0)
    assert layers[-1].bias is not None
    assert new[-1].bias is not None
    assert (layers[-1].bias - new[-1].bias)[6].item() == pytest.approx(-0.1, abs=1e-5)


@pytest.mark.parametrize("settings_", NETS.values(), ids=NETS)
def test_a_ruinous_update_is_refused(settings_: dict[str, Any]) -> None:
    """Whatever η: what is shown after it are finite numbers, or the update is refused. The net stays as it was."""
    net, image = net_of(settings_), torch.ones(784)
    layers = copied_layers(net)
    for power in range(0, 39, 2):
        try:
            new = demo_net.updated(net, layers, image, 1, 10.0**power)
        except InputError:
            continue
        found = demo_net.gradient(net, new, image, 1)
        demo_app.as_json({"cost": found.cost, "norms": found.norms, "deltas": found.deltas.tolist()})
    if settings_.get("activation") == "identity":
        with pytest.raises(InputError, match=r"^with η = 1e\+16 the weights .*; take a smaller η\.$"):
            demo_net.updated(net, layers, image, 1, 1e16)
    assert all(weight.isfinite().all() for weight in net.parameters())


def test_what_is_no_number_is_said_in_a_sentence() -> None:
    """JSON has no infinity."""
    with pytest.raises(InputError, match="undo an update"):
        demo_app.as_json({"cost": float("inf")})


# Sessions


def asked(image: NDArray[np.uint8], **values: object) -> Asked:
    return Asked(json.dumps({"image": base64.b64encode(image.tobytes()).decode(), **values}).encode())


def test_what_updates_can_take_of_the_memory_is_bounded(small_net: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_app, "BYTES_OF_UPDATES", 0)
    session, example = Session(small_net), asked(np.full(784, 200, np.uint8), digit=1, eta=1)
    for _ in range(2):
        demo_app.update(session, example)
    with pytest.raises(InputError, match=r"2 weight updates .*; undo some first\."):
        demo_app.update(session, example)
    demo_app.undo(session, example)
    assert demo_app.update(session, example)["updates"] == 2


def test_the_image_is_shown_as_the_net_gets_it(small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """Upright, if the net was trained on such; all else is asked for, and answered, with the image as it was drawn."""
    upright_net = small_net._replace(preprocessing=small_net.preprocessing._replace(deskew=True))
    for image in mnist[0].images[:5]:
        plain, upright = (demo_app.forward(Session(net), asked(image.numpy())) for net in (small_net, upright_net))
        assert np.array_equal(pixels(plain["seen"]), image.numpy())
        assert np.array_equal(pixels(upright["seen"]), deskewed(image[None])[0].round().byte().numpy())
        assert upright["layers"][-1] == pytest.approx(upright_net.activations(image[None])[0].tolist(), abs=1e-6)


def test_the_tabs_that_asked_last_are_kept(small_net: Trained) -> None:
    sessions = Sessions()
    names = [sessions.open(small_net)[0] for _ in range(demo_app.MOST_SESSIONS)]
    assert len(set(names)) == demo_app.MOST_SESSIONS
    first = sessions[names[0]]
    sessions.open(small_net)
    assert sessions[names[0]] is first
    with pytest.raises(demo_app.Refused, match="open it again"):
        sessions[names[1]]


# The server


def drawing(digit: Tensor) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(digit.numpy()).resize((280, 280), Image.Resampling.BICUBIC))


def text(pixels: NDArray[np.uint8]) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


def pixels(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(28, 28)


def test_a_drawing_is_to_the_net_what_its_picture_is_to_predict(
    server: Server, small_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """The same 28 x 28 bytes, and the same activations; of the hidden layer, too."""
    session = server.open()
    for digit in mnist[0].images[:10]:
        answer = server.ask("draw", session=session, drawing=text(drawing(digit)))
        file = io.BytesIO()
        Image.fromarray(drawing(digit)).save(file, "PNG")
        file.seek(0)
        image = mnist_form(read_image(file))
        assert np.array_equal(pixels(answer["image"]), image)
        outputs = small_net.activations(torch.from_numpy(image)[None])[0]
        assert answer["layers"][-1] == pytest.approx(outputs.tolist(), abs=1e-6)
        assert answer["guess"] == int(outputs.argmax())
        with torch.no_grad():
            hidden = torch.sigmoid(
                small_net.net.linear_layers[0](small_net.preprocessing(torch.from_numpy(image)[None]))
            )[0]
        assert answer["layers"][0] == pytest.approx(hidden.tolist(), abs=1e-6)
        assert answer == {"image": answer["image"], **server.ask("forward", session=session, image=answer["image"])}


def test_strokes_to_the_edge_are_ink_on_paper(server: Server) -> None:
    """A frame around the whole drawing does not turn paper into ink."""
    frame = np.full((280, 280), 255, np.uint8)
    frame[20:-20, 20:-20] = 0
    image = pixels(server.ask("draw", session=server.open(), drawing=text(frame))["image"])
    assert image[10:18, 10:18].max() == 0
    assert image[:, 14].max() == image[14].max() == 255


def test_neuron_and_cost(server: Server, small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """As this process computes them from the same checkpoint."""
    session, image = server.open(), text(mnist[0].images[0].numpy())
    inputs, layers = small_net.preprocessing(mnist[0].images[:1])[0], copied_layers(small_net.net)
    for layer, index in ((0, 31), (1, 9)):
        answer = server.ask("neuron", session=session, image=image, layer=layer, neuron=index)
        found = demo_net.neuron(layers, inputs, layer, index)
        assert answer["weights"] == found.weights.tolist()
        assert answer["inputs"] == pytest.approx(found.inputs.tolist(), abs=1e-6)
        assert [answer[key] for key in ("z", "a", "bias")] == pytest.approx([found.z, found.a, found.bias], abs=1e-6)
    answer = server.ask("cost", session=session, image=image, digit=3)
    gradient = demo_net.gradient(small_net.net, layers, inputs, 3)
    assert answer["cost"] == pytest.approx(gradient.cost, rel=1e-5)
    assert answer["deltas"] == pytest.approx(gradient.deltas.tolist(), rel=1e-4, abs=1e-9)
    assert [(norm["weights"], norm["biases"]) for norm in answer["norms"]] == [
        pytest.approx(pair, rel=1e-4) for pair in gradient.norms
    ]


def test_an_update_is_undone_exactly_and_never_saved(
    server: Server, small_run: Path, mnist: tuple[Examples, Examples]
) -> None:
    """Bit for bit: one, or all of several. The cost of the example falls. The checkpoint's file stays as it is."""
    file = hashlib.sha256(small_run.read_bytes()).digest()
    session = server.open()
    example = {"session": session, "image": text(mnist[0].images[0].numpy())}
    states = [server.ask("forward", **example)]
    for count in (1, 2, 3):
        answer = server.ask("update", **example, digit=8, eta=2.5)
        states.append(server.ask("forward", **example))
        assert answer["updates"] == states[-1]["updates"] == count
        assert answer["before"]["outputs"] == states[-2]["layers"][-1]
        assert answer["after"]["outputs"] == states[-1]["layers"][-1]
        assert answer["after"]["cost"] < answer["before"]["cost"]
    assert server.ask("undo", session=session) == {"updates": 2}
    assert server.ask("forward", **example) == states[2]
    assert server.ask("undo", session=session, all=True) == {"updates": 0}
    assert server.ask("forward", **example) == states[0]
    assert hashlib.sha256(small_run.read_bytes()).digest() == file
    assert server.ask("forward", session=server.open(), image=example["image"]) == states[0]


def test_tabs_do_not_disturb_each_other(server: Server, mnist: tuple[Examples, Examples]) -> None:
    image = text(mnist[0].images[0].numpy())
    first, second = server.open(), server.open()
    before = server.ask("forward", session=second, image=image)
    server.ask("update", session=first, image=image, digit=0, eta=20)
    assert server.ask("forward", session=second, image=image) == before
    assert server.ask("forward", session=first, image=image) != before
    status, _, content = server.send("/api/undo", json.dumps({"session": second}))
    assert (status, json.loads(content)) == (400, {"error": "there is no weight update to undo."})


def test_nets_to_choose_from(server: Server, small_net: Trained) -> None:
    """The package's and those in lightning_logs by their names; --ckpt names one of these, not listed twice."""
    answer = server.ask("nets")
    assert answer["nets"][:-2] == [f"{path.name} of the package" for path in nets_of_the_package()]
    assert sorted(answer["nets"][-2:]) == ["version_0: best.ckpt", "version_0: last.ckpt"]
    assert answer["default"] == "version_0: best.ckpt"
    opened = server.ask("open", net="version_0: last.ckpt")
    assert opened["sizes"] == [784, 32, 10]
    assert opened["activations"] == ["sigmoid", "sigmoid"]
    assert opened["ink"] == pytest.approx(small_net.preprocessing.factor * 255 + small_net.preprocessing.offset)


@pytest.mark.parametrize("name", ["secret.ckpt", "../demo/secret.ckpt", "lightning_logs/version_0", "/etc/passwd", ""])
def test_no_path_of_a_browser_s_is_opened(server: Server, name: str) -> None:
    status, _, content = server.send("/api/open", json.dumps({"net": name}))
    assert (status, json.loads(content)["error"]) == (404, "there is no such net, or no longer; reload the page.")
    status, _, content = server.send(f"/{name}" if name else "/page/", method="GET")
    assert (status, content) == (404, b"Not Found")


PIXELS = base64.b64encode(bytes(784)).decode()
BAD_QUESTIONS: dict[str, tuple[str, str | bytes, int, str]] = {
    "no JSON": ("draw", b"{", 400, "the request is not JSON."),
    "no text": ("draw", b"\xff\xfe", 400, "the request is not JSON."),
    "deep": ("draw", b"[" * 100_000, 400, "the request is not JSON."),
    "a list": ("draw", "[]", 400, "the request is not a JSON object."),
    "no session": ("draw", "{}", 400, "session is not a text."),
    "unknown session": ("draw", '{"session": "x"}', 404, "open it again"),
    "no drawing": ("draw", '{"session": SESSION}', 400, "drawing is not a text."),
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


@pytest.mark.parametrize(("what", "body", "status", "words"), BAD_QUESTIONS.values(), ids=BAD_QUESTIONS)
def test_bad_questions(server: Server, what: str, body: str | bytes, status: int, words: str) -> None:
    """Each is answered with one sentence, and the server goes on."""
    if isinstance(body, str):
        body = body.replace("SESSION", f'"{server.open()}"').replace("IMAGE", f'"{PIXELS}"').encode()
    found, headers, content = server.send(f"/api/{what}", body)
    assert (found, headers["content-type"]) == (status, "application/json")
    sentence = json.loads(content)["error"]
    assert words in sentence
    assert re.fullmatch(r"[^\n]+\.", sentence)
    server.ask("nets")


def test_a_request_without_a_length_is_bounded_too(server: Server) -> None:
    status, _, _ = server.send("/api/draw", iter([b" " * 60_000] * 5))
    assert status == 413


def test_a_tab_that_is_closed_while_it_sends(server: Server) -> None:
    """Nothing is said of it in the terminal, which is looked at when the server ends; others are answered."""
    with socket.create_connection(("127.0.0.1", int(server.address.split(":")[1]))) as connection:
        head = f"POST /api/draw HTTP/1.1\r\nHost: {server.address}\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    server.ask("nets")


def test_only_the_page_itself_is_answered(server: Server) -> None:
    """Not other sites' pages; nor those that lead their own name to this address; nor what a form could send."""
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


def test_the_page_needs_nothing_from_elsewhere(server: Server) -> None:
    """Three files; what they name is theirs, and the browser is told to load and to ask nothing else."""
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


# The command


def test_a_port_in_use(tmp_path: Path) -> None:
    """In a process: one sentence, exit code 2, and before torch is imported."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run(
            demo_command("--port", str(port)), cwd=tmp_path, env=environment(), capture_output=True, text=True
        )
    sentence = f"mnist_mlp: error: port {port} is in use; give another --port, or 0 for a free one.\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", sentence)


def test_bad_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence each, and nothing is served."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mnist_mlp.inference.find.files", lambda _: tmp_path)  # as if no net came with the package
    Path("other.ckpt").write_text("no net")
    for args, words in (
        (["--port", "0", "--ckpt", "nowhere.ckpt"], r"there is no checkpoint nowhere\.ckpt"),
        (["--port", "0", "--ckpt", "other.ckpt"], r"other\.ckpt is damaged or no checkpoint"),
        (["--port", "0"], "there is no run in"),
        (["--port", "99999"], "--port is 99999; it takes a number from 0 to 65535"),
        (["--port", "many"], "--port is 'many'; it takes a whole number"),
        (["--port", "0", "--host", "256.0.0.1"], "'256.0.0.1' is not an address of this computer"),
        (["--host", "192.0.2.1"], "'192.0.2.1' is not an address of this computer"),
        (["--prot", "0"], r"no option --prot; did you mean --port\?"),
    ):
        with pytest.raises(InputError, match=words) as error:
            demo(args)
        assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


def test_without_the_packages_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(InputError, match="pip install starlette uvicorn"):
        demo(["--port", "0"])


def test_served_to_a_network_it_is_reached_by_addresses_and_the_name_given() -> None:
    """By any name, another site could reach it, too (DNS rebinding)."""
    for host, reached, not_reached in (
        ("127.0.0.1", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"], ["10.0.0.5:8000", "", "a.b"]),
        ("0.0.0.0", ["10.0.0.5:8000", "[fe80::1]", "localhost"], ["example.com", "10.0.0.5.example.com"]),
        ("My-Machine", ["my-machine:8000"], ["my-machine.example.com", "10.0.0.5"]),
    ):
        guard = demo_app.Guard(None, hosts_of(host))
        assert all(guard.serves(name) for name in reached)
        assert not any(guard.serves(name) for name in not_reached)
    assert [in_url(host) for host in ("127.0.0.1", "::1", "0.0.0.0")] == ["127.0.0.1", "[::1]", "localhost"]
