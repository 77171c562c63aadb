"""What the page shows of a net: the activations, the gradient and the update are those of the training."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mnist_mlp.demo import app as demo_app
from mnist_mlp.demo import net as demo_net
from mnist_mlp.errors import InputError
from mnist_mlp.inference.forward import copied_layers, propagate
from mnist_mlp.model import SigmoidMLP

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
of_every_kind = pytest.mark.parametrize("arguments", NETS.values(), ids=NETS)


def net_of(arguments: dict[str, Any], seed: int = 0) -> SigmoidMLP:
    torch.manual_seed(seed)
    return SigmoidMLP(**arguments)


@of_every_kind
def test_the_activations_are_those_of_the_net(arguments: dict[str, Any]) -> None:
    net = net_of(arguments)
    image = torch.rand(784)
    states = propagate(copied_layers(net), image)
    with torch.no_grad():
        assert torch.equal(states[-1].a, net(image[None])[0])
    assert [len(state.a) for state in states] == [*arguments["hidden_sizes"], 10]


@of_every_kind
def test_the_weighted_sum_of_a_neuron(arguments: dict[str, Any]) -> None:
    """In every layer, z = Σ w a + b holds for the numbers shown, and z and a are those of the net."""
    layers, image = copied_layers(net_of(arguments)), torch.rand(784)
    states = propagate(layers, image)
    for layer in range(len(layers)):
        found = demo_net.neuron(layers, image, layer, 3)
        assert found.weights @ found.inputs + (found.bias or 0) == pytest.approx(found.z, abs=1e-4)
        assert (found.z, found.a) == pytest.approx((states[layer].z[3].item(), states[layer].a[3].item()), abs=1e-6)
        assert (found.bias is None) == (arguments.get("bias") is False)


@of_every_kind
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1_000), digit=st.integers(0, 9))
def test_cost_and_gradient_are_those_of_the_training(arguments: dict[str, Any], seed: int, digit: int) -> None:
    """They equal what autograd computes through the net's own `forward` and `cost`."""
    net = net_of(arguments, seed)
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


@of_every_kind
def test_an_update_is_eta_times_the_gradient(arguments: dict[str, Any]) -> None:
    """The update applies the gradient that is shown. The old layers stay unchanged, bit for bit."""
    net, image, eta = net_of(arguments), torch.rand(784), 0.5
    layers = copied_layers(net)
    kept = [layer.weight.clone() for layer in layers]
    new = demo_net.updated(net, layers, image, 4, eta)
    found = demo_net.gradient(net, layers, image, 4)
    for old, layer, weight, (norm, _) in zip(layers, new, kept, found.norms, strict=True):
        assert torch.equal(old.weight, weight)
        assert ((weight - layer.weight).norm() / eta).item() == pytest.approx(norm, rel=1e-3)
    if layers[-1].bias is not None and new[-1].bias is not None:
        assert torch.allclose((layers[-1].bias - new[-1].bias) / eta, found.deltas, atol=1e-6)


def test_the_gradient_where_a_saturated_output_is_wrong() -> None:
    """With cross-entropy, δ = (a - y)/10 is computed directly; the logarithm of a float32 would lose it."""
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


@of_every_kind
def test_an_update_that_overflows_is_refused(arguments: dict[str, Any]) -> None:
    """For every η, either the update is refused or all numbers shown after it are finite. The net stays unchanged."""
    net, image = net_of(arguments), torch.ones(784)
    layers = copied_layers(net)
    for power in range(0, 39, 2):
        try:
            new = demo_net.updated(net, layers, image, 1, 10.0**power)
        except InputError:
            continue
        found = demo_net.gradient(net, new, image, 1)
        demo_app.as_json({"cost": found.cost, "norms": found.norms, "deltas": found.deltas.tolist()})
    if arguments.get("activation") == "identity":
        with pytest.raises(InputError, match=r"^with η = 1e\+16 the weights .*; take a smaller η\.$"):
            demo_net.updated(net, layers, image, 1, 1e16)
    assert all(weight.isfinite().all() for weight in net.parameters())
