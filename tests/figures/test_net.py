"""Figure 1, figures/net.py."""

import pytest
import torch

from mnist_mlp.figures.example import Example
from mnist_mlp.figures.net import compute_net
from mnist_mlp.inference.trained import Trained


def test_lines_are_weights_and_shades_are_activations(small_net: Trained, example: Example) -> None:
    net = compute_net(small_net, example)
    pixels, hidden, output = net.columns
    first, last = small_net.net.linear_layers
    for layer, start, end, weight in net.connections:
        matrix = (first, last)[layer].weight
        below, above = net.columns[layer], net.columns[layer + 1]
        assert weight == float(matrix[above.neurons[end], below.neurons[start]].detach())
    amounts = [abs(connection.weight) for connection in net.connections]
    assert amounts == sorted(amounts)
    with torch.no_grad():
        a0 = small_net.preprocessing(example.image[None])
        a1 = torch.sigmoid(first(a0))
    assert torch.equal(pixels.activations, a0[0, pixels.neurons])
    assert torch.allclose(hidden.activations, a1[0, hidden.neurons])
    assert torch.allclose(output.activations, small_net.activations(example.image[None])[0])
    assert (pixels.size, hidden.size, output.neurons.tolist()) == (784, 32, list(range(10)))
    assert (net.paper, net.ink) == pytest.approx((float(a0.min()), float(a0.max())))
