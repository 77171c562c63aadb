"""Figure 7, figures/xor.py, and the nets for data other than MNIST, which it needs."""

from pathlib import Path

import pytest
import torch

from mnist_mlp.activations import ActivationName
from mnist_mlp.errors import InputError
from mnist_mlp.figures.xor import UNDECIDED, XOR, train_xor_net
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.train import train


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
