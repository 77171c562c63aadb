"""The running server's answers: they agree with the net, and updates can be undone."""

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mnist_mlp.data.dataset import Examples
from mnist_mlp.demo import net as demo_net
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.forward import copied_layers
from mnist_mlp.inference.picture import mnist_form, read_image
from mnist_mlp.inference.trained import Trained
from tests.demo.serving import Server, from_base64, to_base64


def drawing(digit: Tensor) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(digit.numpy()).resize((280, 280), Image.Resampling.BICUBIC))


def test_a_drawing_gets_the_same_answer_as_its_picture_in_predict(
    server: Server, small_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """The 28 x 28 bytes and the activations of all layers are the same."""
    session = server.open()
    for digit in mnist[0].images[:10]:
        answer = server.ask("draw", session=session, drawing=to_base64(drawing(digit)))
        file = io.BytesIO()
        Image.fromarray(drawing(digit)).save(file, "PNG")
        file.seek(0)
        image = mnist_form(read_image(file))
        assert np.array_equal(from_base64(answer["image"]), image)
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
    """A frame around the whole drawing does not swap ink and paper."""
    frame = np.full((280, 280), 255, np.uint8)
    frame[20:-20, 20:-20] = 0
    image = from_base64(server.ask("draw", session=server.open(), drawing=to_base64(frame))["image"])
    assert image[10:18, 10:18].max() == 0
    assert image[:, 14].max() == image[14].max() == 255


def test_neuron_and_cost(server: Server, small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """They equal what this process computes from the same checkpoint."""
    session, image = server.open(), to_base64(mnist[0].images[0].numpy())
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


def test_updates_are_undone_exactly_and_never_saved(
    server: Server, small_run: Path, mnist: tuple[Examples, Examples]
) -> None:
    """Undo restores the net bit for bit. Each update lowers the cost. The checkpoint's file stays unchanged."""
    file = hashlib.sha256(small_run.read_bytes()).digest()
    session = server.open()
    example = {"session": session, "image": to_base64(mnist[0].images[0].numpy())}
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


def test_sessions_are_independent(server: Server, mnist: tuple[Examples, Examples]) -> None:
    image = to_base64(mnist[0].images[0].numpy())
    first, second = server.open(), server.open()
    before = server.ask("forward", session=second, image=image)
    server.ask("update", session=first, image=image, digit=0, eta=20)
    assert server.ask("forward", session=second, image=image) == before
    assert server.ask("forward", session=first, image=image) != before
    status, _, content = server.send("/api/undo", json.dumps({"session": second}))
    assert (status, json.loads(content)) == (400, {"error": "there is no weight update to undo."})


def test_the_nets_to_choose_from(server: Server, small_net: Trained) -> None:
    """They are the package's nets and those in lightning_logs. The net of --ckpt is one of these and listed once."""
    answer = server.ask("nets")
    assert answer["nets"][:-2] == [f"{path.name} of the package" for path in nets_of_the_package()]
    assert sorted(answer["nets"][-2:]) == ["version_0: best.ckpt", "version_0: last.ckpt"]
    assert answer["default"] == "version_0: best.ckpt"
    opened = server.ask("open", net="version_0: last.ckpt")
    assert opened["sizes"] == [784, 32, 10]
    assert opened["activations"] == ["sigmoid", "sigmoid"]
    assert opened["ink"] == pytest.approx(small_net.preprocessing.factor * 255 + small_net.preprocessing.offset)
