"""Figure 7, figures/xor.py, and the nets for data other than MNIST, which it needs."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_mlp.activations import ActivationName
from mnist_mlp.errors import InputError
from mnist_mlp.figures.xor import LOGIC, UNDECIDED, XOR, draw_xor, train_neuron, train_xor_net
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.train import train


@pytest.mark.parametrize("name", ["AND", "OR"])
def test_one_neuron_learns_what_a_line_separates(name: str) -> None:
    """The four examples are on the right sides of the line w31 x1 + w32 x2 + b = 0, from each of three seeds."""
    for seed in range(3):
        neuron = train_neuron(name, seed)
        (w1, w2), b = neuron.weights, neuron.bias
        sums = [w1 * x1 + w2 * x2 + b for x1, x2 in ((0, 0), (0, 1), (1, 0), (1, 1))]
        assert [int(z > 0) for z in sums] == list(LOGIC[name])
        assert neuron.outputs.tolist() == pytest.approx([1 / (1 + math.exp(-z)) for z in sums])


def test_one_neuron_cannot_learn_xor() -> None:
    """It answers 1/2 to everything, from each of three seeds."""
    for seed in range(3):
        assert train_neuron("XOR", seed).outputs.tolist() == pytest.approx([0.5] * 4, abs=UNDECIDED / 2)


def test_the_line_is_drawn_where_the_neuron_is_undecided() -> None:
    """In the first two panels, and not in that of XOR."""
    figure = draw_xor([train_neuron(name, 0) for name in LOGIC], [train_xor_net("sigmoid", True, 0)] * 6)
    for axes, name in zip(figure.axes, LOGIC, strict=False):
        paths = [path for shown in axes.collections for path in shown.get_paths()]
        lines = [points for path in paths if len(points := np.asarray(path.vertices))]
        assert bool(lines) == (name != "XOR")
        neuron = train_neuron(name, 0)
        for points in lines:
            sums = points @ np.array(neuron.weights) + neuron.bias
            assert sums == pytest.approx(np.zeros(len(sums)), abs=0.05)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_a_nonlinearity_solves_xor(activation: ActivationName) -> None:
    """From each of five seeds, so the seed in the figure is not a lucky one. The same seed gives the same net."""
    for seed in range(5):
        result = train_xor_net(activation, True, seed)
        assert result.n_correct == 4, seed
        assert result.n_undecided == 0
        assert result.outputs.argmax(dim=1).tolist() == [0, 1, 1, 0]
    assert torch.equal(train_xor_net(activation, True, seed).outputs, result.outputs)


@pytest.mark.parametrize("bias", [True, False])
def test_a_net_without_a_nonlinearity_cannot_solve_xor(bias: bool) -> None:
    """The best that one matrix can do is to answer 1/2 to everything."""
    for seed in range(2):
        result = train_xor_net("identity", bias, seed)
        assert int((result.outputs.argmax(dim=1) == XOR.labels).sum()) < 4  # even if rounding errors were answers
        assert result.n_correct == 0
        assert result.n_undecided == 4
        assert result.outputs.flatten().tolist() == pytest.approx([0.5] * 8, abs=UNDECIDED / 2)
        assert float(result.margin.abs().max()) < UNDECIDED


def test_a_tanh_net_without_biases_answers_one_half_to_zeros() -> None:
    """tanh(0) = 0, so the outputs for (0, 0) are σ(0) = 1/2 with any weights.

    In a sigmoid net the hidden activations for (0, 0) are 1/2. They serve as biases of the output neurons.
    """
    for seed in range(2):
        tanh = train_xor_net("tanh", False, seed)
        assert tanh.outputs[0].tolist() == [0.5, 0.5]
        assert (tanh.n_correct, tanh.n_undecided) == (3, 1)
        assert train_xor_net("sigmoid", False, seed).n_correct == 4


def test_a_net_can_have_other_numbers_of_inputs_and_outputs() -> None:
    net = SigmoidMLP([4], n_inputs=5, n_outputs=3)
    assert net(torch.zeros(2, 5)).shape == (2, 3)
    assert net.targets(torch.tensor([2]), torch.float32).tolist() == [[0, 0, 1]]
    assert net(net.example_input_array).shape == (1, 3)
    with pytest.raises(InputError, match="n_inputs is 0 and n_outputs 10; give a number of neurons, 1 or more"):
        SigmoidMLP(n_inputs=0)
    with pytest.raises(InputError, match="n_outputs -1"):
        SigmoidMLP(n_outputs=-1)


def test_train_rejects_a_net_that_does_not_fit_the_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="n_inputs is 2 and n_outputs 10, but the images have 784 pixels"):
        train(["--model.n_inputs", "2"])
    assert not list(tmp_path.iterdir())
