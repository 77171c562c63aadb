"""A tab's session: the image as its net gets it, limited memory for updates, and which sessions are kept."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewed
from mnist_mlp.demo import app as demo_app
from mnist_mlp.demo.app import Asked, Session, Sessions
from mnist_mlp.errors import InputError
from mnist_mlp.inference.trained import Trained
from tests.demo.serving import from_base64, to_base64


def asked(image: NDArray[np.uint8], **values: object) -> Asked:
    return Asked(json.dumps({"image": to_base64(image), **values}).encode())


def test_the_memory_for_updates_is_limited(small_net: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_app, "BYTES_OF_UPDATES", 0)
    session, example = Session(small_net), asked(np.full(784, 200, np.uint8), digit=1, eta=1)
    for _ in range(2):
        demo_app.update(session, example)
    with pytest.raises(InputError, match=r"2 weight updates, .*; undo some first\."):
        demo_app.update(session, example)
    demo_app.undo(session, example)
    assert demo_app.update(session, example)["updates"] == 2


def test_the_image_is_shown_as_the_net_gets_it(small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """For a net trained on deskewed images it is deskewed. Requests and answers hold the image as it was drawn."""
    deskewing_net = small_net._replace(preprocessing=small_net.preprocessing._replace(deskew=True))
    for image in mnist[0].images[:5]:
        plain, upright = (demo_app.forward(Session(net), asked(image.numpy())) for net in (small_net, deskewing_net))
        assert np.array_equal(from_base64(plain["seen"]), image.numpy())
        assert np.array_equal(from_base64(upright["seen"]), deskewed(image[None])[0].round().byte().numpy())
        assert upright["layers"][-1] == pytest.approx(deskewing_net.activations(image[None])[0].tolist(), abs=1e-6)


def test_the_most_recently_used_sessions_are_kept(small_net: Trained) -> None:
    sessions = Sessions()
    names = [sessions.open(small_net)[0] for _ in range(demo_app.MOST_SESSIONS)]
    assert len(set(names)) == demo_app.MOST_SESSIONS
    first = sessions[names[0]]
    sessions.open(small_net)
    assert sessions[names[0]] is first
    with pytest.raises(demo_app.Refused, match="open it again"):
        sessions[names[1]]


def test_a_number_that_is_not_finite_is_an_error() -> None:
    """JSON has no infinity."""
    with pytest.raises(InputError, match="undo an update"):
        demo_app.as_json({"cost": float("inf")})
