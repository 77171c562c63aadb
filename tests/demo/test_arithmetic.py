"""The page's arithmetic in a browser agrees with Python's. Needs Chromium."""

import base64
import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from mnist_mlp import backprop
from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.backprop import CostName
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewed
from mnist_mlp.demo.contents import SEED, TEST_IMAGES
from mnist_mlp.inference.forward import copied_layers
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.demo.browser import Page

IMAGES = 200
BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));"
BASE64 = """
const base64 = (numbers) => {
  const bytes = new Uint8Array(Float32Array.from(numbers).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
"""
CASES = [
    *itertools.product(ACTIVATIONS, ACTIVATIONS, ["mse"], [True, False]),
    *itertools.product(ACTIVATIONS, ["sigmoid"], ["cross_entropy"], [True]),
]


def assert_close(found: NDArray[np.float32], wanted: Tensor, tolerance: float) -> None:
    """Compare numbers in any shape. `tolerance` is absolute."""
    assert np.abs(found.flatten() - wanted.detach().flatten().numpy()).max() <= tolerance


def floats(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), np.float32)


def test_activations(page: Page, package_net: Trained, half_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """All activations for 200 of the page's test images, to 1e-4. These are the images that the seed chooses."""
    page_s = page.call(
        ["data.js", "inputs.js", "net.js"],
        f"""{BASE64}
        const digits = await readDigits();
        const all = await Promise.all(readNets().nets.map(async (description) => {{
          const net = await netOf(description, description.shown);
          return digits.images.slice(0, arguments[0]).map((image) => {{
            const x = inputsOf(description.preprocessing, seenBy(description.preprocessing, image));
            return base64(forward(net, x).flatMap(({{ a }}) => Array.from(a)));
          }});
        }}));
        return [all, base64(digits.images.slice(0, digits.counted).flatMap((image) => Array.from(image)))];
        """,
        IMAGES,
    )
    chosen = torch.randperm(10_000, generator=torch.Generator().manual_seed(SEED))[:TEST_IMAGES]
    images = mnist[1].images[chosen]
    assert np.array_equal(floats(page_s[1]), images.float().flatten().numpy())
    for trained, shown in zip((package_net, half_net), page_s[0], strict=True):
        states = backprop.forward(backprop.layers_of(trained.net), trained.preprocessing(images[:IMAGES]))
        assert_close(np.stack([floats(text) for text in shown]), torch.cat([state.a for state in states]).T, 1e-4)


def test_upright_digits(page: Page, mnist: tuple[Examples, Examples]) -> None:
    """Deskewed as in training, to a twentieth of a grey level."""
    images = torch.cat([mnist[1].images[:IMAGES], torch.zeros(1, 28, 28, dtype=torch.uint8)])
    shown = page.call(
        ["inputs.js"],
        f"{BASE64}{BYTES} return arguments[0].map((image) => base64(upright(bytes(image))));",
        [base64.b64encode(image.numpy().tobytes()).decode() for image in images],
    )
    assert_close(np.stack([floats(text) for text in shown]), deskewed(images), 0.05)


@pytest.mark.parametrize(("activation", "output_activation", "cost", "bias"), CASES)
def test_cost_gradient_and_update(
    page_once: Page, activation: ActivationName, output_activation: ActivationName, cost: CostName, bias: bool
) -> None:
    """For every activation function and cost, to 1e-4 of the largest number."""
    torch.manual_seed(1)
    targets = (0.1, 0.9) if output_activation == "sigmoid" else (-0.8, 1.0)
    net = SigmoidMLP([6, 5], activation, output_activation, targets, cost, bias, n_inputs=9)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter)
    image, label = torch.randn(1, 9), torch.tensor([3])
    layers, y, eta = backprop.layers_of(net), net.targets(label, torch.float32), 0.7
    of_layers = backprop.gradient(layers, image, y, cost)
    after = backprop.update(layers, of_layers, eta)
    states = backprop.forward(layers, image)
    expected = [
        net.cost(states[-1].a.T, label),
        *(part for gradient in of_layers for part in gradient if part is not None),
        *(part for layer in after for part in layer[:2] if part is not None),
    ]
    described = {
        "activation": activation,
        "outputActivation": output_activation,
        "cost": cost,
        "targets": targets,
        "layers": [(W.tolist(), None if b is None else b.tolist()) for W, b, _ in layers],
    }
    shown = page_once.call(
        ["net.js"],
        f"""{BASE64}
        const [described, x, label, eta] = arguments;
        const layers = described.layers.map(([W, b]) => ({{
          n: W[0].length, m: W.length, W: Float32Array.from(W.flat()), b: b && Float32Array.from(b),
        }}));
        const net = {{ ...described, layers }};
        const before = base64(layers.flatMap(({{ W }}) => Array.from(W)));
        const states = forward(net, x);
        const y = targetsOf(net, label);
        const gradients = gradient(net, x, states, y);
        const after = update(net, gradients, eta);
        if (before !== base64(layers.flatMap(({{ W }}) => Array.from(W)))) throw new Error("the net has changed");
        return [
          [cost(net, states.at(-1).a, y)],
          ...gradients.flatMap(({{ dW, db }}) => (db ? [dW, db] : [dW])),
          ...after.layers.flatMap(({{ W, b }}) => (b ? [W, b] : [W])),
        ].map(base64);
        """,
        described,
        image[0].tolist(),
        int(label),
        eta,
    )
    assert len(shown) == len(expected)
    for found, wanted in zip(shown, expected, strict=True):
        assert_close(floats(found), wanted, 1e-4 * float(wanted.abs().max()))


def test_update_of_the_package_s_net(page: Page, package_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """The gradient of a real example, and the outputs after one update, to 1e-4. Python computes in float64."""
    chosen = torch.randperm(10_000, generator=torch.Generator().manual_seed(SEED))[:1]
    image, label, eta = mnist[1].images[chosen], (mnist[1].labels[chosen] + 1) % 10, 1000.0
    x, layers = package_net.preprocessing(image).double(), copied_layers(package_net.net, torch.float64)
    of_layers = backprop.gradient(layers, x, package_net.net.targets(label, x.dtype))
    outputs = backprop.forward(backprop.update(layers, of_layers, eta), x)[-1].a.flatten()
    shown = page.call(
        ["data.js", "inputs.js", "net.js"],
        f"""{BASE64}
        const [label, eta] = arguments;
        const [description] = readNets().nets;
        const net = await netOf(description, description.shown);
        const {{ preprocessing }} = description;
        const x = inputsOf(preprocessing, seenBy(preprocessing, (await readDigits()).images[0]));
        const gradients = gradient(net, x, forward(net, x), targetsOf(net, label));
        return [gradients.at(-1).dW, gradients[0].db, forward(update(net, gradients, eta), x).at(-1).a].map(base64);
        """,
        int(label),
        eta,
    )
    for found, wanted in zip(shown, (of_layers[-1].weight, of_layers[0].bias, outputs), strict=True):
        assert wanted is not None
        assert_close(floats(found), wanted, 1e-4 * float(wanted.abs().max()))
