"""Drawings on the page in a browser: MNIST's form and the guesses agree with Python's. Needs Chromium."""

import base64

import numpy as np
import pytest
import torch

from mnist_mlp.data.dataset import Examples
from mnist_mlp.inference.confidence import is_sure
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form
from tests.demo.browser import Page
from tests.demo.strokes import Point, strokes

DRAWINGS = 200

# Digits that are not written so in MNIST's country, or seldom, and what the package's net says (demo/README.md).
UNUSUAL: dict[str, tuple[list[list[Point]], str]] = {
    "European 1": ([[(0.3, 0.5), (0.55, 0.2), (0.55, 0.8)]], "1"),
    "European 1, longer upstroke": ([[(0.25, 0.65), (0.55, 0.2), (0.55, 0.8)]], "1"),
    "European 1, upstroke to the foot": ([[(0.2, 0.8), (0.55, 0.2), (0.55, 0.8)]], "1"),
    "crossed 7": ([[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)], [(0.38, 0.52), (0.66, 0.52)]], "7"),
    "open 4": ([[(0.35, 0.2), (0.32, 0.52), (0.7, 0.52)], [(0.62, 0.2), (0.62, 0.8)]], "4"),
}


def forms(drawings: list[np.ndarray]) -> torch.Tensor:
    """Bring drawings to MNIST's form by Python. The margin makes the edge paper even where strokes reach it."""
    return torch.from_numpy(np.stack([mnist_form(np.pad(drawing, 2)) for drawing in drawings]))


def test_200_redrawn_test_digits(page: Page, package_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """At least 97% are recognised. Form and guess are Python's for the same drawing."""
    images, labels = mnist[1].images[:DRAWINGS], mnist[1].labels[:DRAWINGS].tolist()
    guesses, drawings = zip(*page.draw_all([strokes(image.numpy()) for image in images]), strict=True)
    assert sum(guess == str(label) for guess, label in zip(guesses, labels, strict=True)) >= 0.97 * DRAWINGS

    by_python = forms(list(drawings))
    assert [str(int(guess)) for guess in package_net.activations(by_python).argmax(dim=1)] == list(guesses)
    shown = page.call(
        ["form.js"],
        """
        const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
        return arguments[0].map((drawing) => Array.from(mnistForm(bytes(drawing), 280)));
        """,
        [base64.b64encode(drawing.tobytes()).decode() for drawing in drawings],
    )
    difference = np.abs(np.array(shown).reshape(-1, 28, 28) - by_python.numpy().astype(int))
    assert difference.mean(axis=(1, 2)).max() <= 1


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_digits(page: Page, package_net: Trained, name: str) -> None:
    """The page says what README.md says that it says, and shows the image and the numbers of that guess."""
    lines, guess = UNUSUAL[name]
    page.draw(lines)
    form = forms([page.shades("#drawing")[:, :, 3]])
    activations = package_net.activations(form)[0]
    assert page.guess == guess == str(int(activations.argmax()))
    assert (page.text("sureness") == "sure") == is_sure(activations.tolist())
    seen = package_net.preprocessing.upright(form)[0].numpy()
    assert 255 - page.shades("#layer-0 canvas")[:, :, 0].astype(float) == pytest.approx(seen, abs=1.01)
