"""The worker of "Train it yourself" computes what Python computes. Needs Chromium."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from tests.demo.browser import Page
from tests.demo.lab_run import DEFAULTS, pictures, python_run

# Has the page's worker train a new net; returns its numbers, weights and biases before and after, and all costs.
TRAIN = """
const [settings, updates] = arguments;
if (!window.labWorker) {
  const [train, test] = [await readTrainingDigits(), await readDigits()];
  const source = document.getElementById("worker-source").textContent + "\\nrunLabWorker(self);";
  window.labWorker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.labWorker.postMessage({ digits: { train, test } });
}
const costs = [];
const numbersOf = ({ layers }) => layers.map(({ W, b }) => [W, b].map((part) => part && base64(part)));
const base64 = ({ buffer }) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""));
const ask = (message) => new Promise((then) => {
  window.labWorker.onmessage = ({ data }) => {
    costs.push(...data.points.map(({ training }) => training.cost));
    if (data.idle) then(numbersOf(data.net));
  };
  window.labWorker.postMessage(message);
});
const before = await ask({ reset: settings, id: 1 });
return [before, await ask({ train: updates }), costs];
"""


@pytest.fixture(scope="module")
def training_digits(page_file: Path) -> tuple[Tensor, Tensor]:
    """The inputs (4000, 784), from 0 to 1, and the labels of the page's training digits."""
    return pictures(page_file, "training")


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 7},
        {"h": 0, "batch": 32},
        {"activation": "tanh", "bias": False},
        {"activation": "identity", "h": 5, "batch": 1},
        {"h": 3, "batch": 4000},
    ],
    ids=str,
)
def test_weight_updates_equal_python(
    page_once: Page, training_digits: tuple[Tensor, Tensor], changed: dict[str, Any]
) -> None:
    """The random weights, the mini-batch, its gradient and two updates, to 1e-4 of the largest change of a weight."""
    settings = {**DEFAULTS, **changed}
    before, after, _ = page_once.call(["data.js"], TRAIN, settings, 2)
    expected_before, expected_after = python_run(settings, training_digits, updates=2)
    shown = [part for layers in (before, after) for layer in layers for part in layer]
    expected = [part for layers in (expected_before, expected_after) for W, b, _ in layers for part in (W, b)]
    assert [part is None for part in shown] == [part is None for part in expected]
    numbers = [_floats(part) for part in shown if part is not None]
    wanted = [part.flatten().numpy() for part in expected if part is not None]
    half = len(numbers) // 2
    for start, end, first, last in zip(numbers, numbers[half:], wanted, wanted[half:], strict=False):
        assert np.abs(start - first).max() <= 1e-7
        assert np.abs((end - start) - (last - first)).max() <= 1e-4 * np.abs(last - first).max()


def test_same_seed_same_weights(page_once: Page) -> None:
    runs = [page_once.call(["data.js"], TRAIN, {**DEFAULTS, "seed": seed}, 20) for seed in (5, 5, 6)]
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[2][0]


@pytest.mark.parametrize(
    "changed",
    [{"h": 0}, {"bias": False}, {"activation": "tanh"}, {"activation": "identity"}, {"batch": 4000, "h": 10}],
    ids=str,
)
def test_training_lowers_the_cost(page_once: Page, changed: dict[str, Any]) -> None:
    updates = 3 if "batch" in changed else 200
    costs = page_once.call(["data.js"], TRAIN, {**DEFAULTS, **changed}, updates)[2]
    assert costs[-1] < 0.9 * costs[0]


def _floats(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), np.float32)
