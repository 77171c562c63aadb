"""Statistics of layers: gradients, saturated units, and a net that stays as it was."""

import copy
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.backprop import Layer
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring.layer_statistics import in_evaluation, layer_statistics, saturated_share
from tests.monitoring.runs import Run


@pytest.mark.usefixtures("few_images")
def test_training_steps_along_this_gradient(run: Run) -> None:
    """One weight update in closed form changes the weights by -η times the gradient."""
    images, labels = run.inspected
    net = copy.deepcopy(run.net).double()
    statistics = layer_statistics(net, images.double(), labels)
    after = copy.deepcopy(net)
    layers = [Layer(layer.weight, layer.bias, "sigmoid") for layer in after.linear_layers]
    gradient_descent(layers, images.double(), net.targets(labels, torch.float64), [10.0], len(images))
    for layer, before, moved in zip(statistics, net.linear_layers, after.linear_layers, strict=True):
        assert layer.weight_gradient is not None
        assert layer.bias_gradient is not None
        torch.testing.assert_close(before.weight - moved.weight, 10 * layer.weight_gradient)
        torch.testing.assert_close(before.bias - moved.bias, 10 * layer.bias_gradient)


def test_frozen_parameters_have_no_gradient() -> None:
    net = SigmoidMLP([4])
    net.linear_layers[0].weight.requires_grad_(False)
    hidden, output = layer_statistics(net, torch.rand(5, 784), torch.arange(5))
    assert hidden.weight_gradient is None
    assert hidden.bias_gradient is not None
    assert output.weight_gradient is not None
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert {layer.weight_gradient for layer in layer_statistics(net, torch.rand(5, 784), torch.arange(5))} == {None}


@pytest.mark.parametrize(
    ("function", "activations", "share"),
    [
        ("sigmoid", [0.0, 0.049, 0.051, 0.5, 0.949, 0.951, 1.0, 0.3], 4 / 8),
        ("tanh", [-1.0, -0.901, -0.899, 0.0, 0.899, 0.901, 0.5, 0.1], 3 / 8),
        ("scaled_tanh", [1.7159 * a for a in (-1.0, -0.901, -0.899, 0.0, 0.899, 0.901, 0.5, 0.1)], 3 / 8),
        ("identity", [-1e6, -1.0, 0.0, 1e6], 0.0),
    ],
)
def test_saturated_share_by_hand(function: ActivationName, activations: list[float], share: float) -> None:
    assert saturated_share(torch.tensor(activations), function) == share


@settings(deadline=None)
@given(st.sampled_from(sorted(ACTIVATIONS)), st.floats(-12, 12))
def test_a_saturated_unit_has_a_small_derivative(function: ActivationName, number: float) -> None:
    """The derivatives are autograd's, at z and at the maximum."""
    z = torch.tensor([number, 0.0], dtype=torch.float64, requires_grad=True)
    a = ACTIVATIONS[function].sigma(z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    ratio = float(slope[0] / slope[1])
    if abs(ratio - 0.19) > 1e-6:
        assert saturated_share(a[:1].detach(), function) == float(ratio < 0.19)


@pytest.mark.usefixtures("few_images")
def test_saturated_units_of_a_run(run: Run) -> None:
    """The scalar of the last epoch is the share of the trained net's activations below 0.05 or above 0.95."""
    images, _ = run.inspected
    with torch.no_grad():
        a = torch.sigmoid(run.net.linear_layers[0](images))
    share = float(((a < 0.05) | (a > 0.95)).double().mean())
    assert 0.0 < share < 1.0
    shown = run.events().Scalars("saturated units/layer 1, hidden")
    assert shown[-1].value == pytest.approx(share, abs=1e-3)
    assert shown[0].value < share


def test_evaluation_mode_ends_module_by_module() -> None:
    """Also after an error. A module that was in evaluation mode before stays in it."""
    net = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout())
    net[1].eval()
    with suppress(ZeroDivisionError), in_evaluation(net):
        assert not any(module.training for module in net.modules())
        _ = 1 / 0
    assert [module.training for module in net.modules()] == [True, True, False]
