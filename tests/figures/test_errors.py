"""Figure 9, figures/errors.py."""

from typing import Any

import pytest
import torch

from mnist_mlp.figures.errors import compute_errors, draw_errors
from mnist_mlp.figures.example import Example
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.figures.helpers import untrained


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {"hidden_sizes": []},
        {"hidden_sizes": [5, 4, 3, 2], "activation": "tanh"},
        {"hidden_sizes": [12], "cost_function": "cross_entropy", "bias": False},
    ],
    ids=str,
)
def test_errors_and_the_update_are_those_of_autograd(
    small_net: Trained, example: Example, settings: dict[str, Any] | None
) -> None:
    """δ is dC/dz, up to the factor of the cost: 2/10, or 1/10 for cross-entropy. SGD makes the same update."""
    trained = small_net if settings is None else untrained(**settings)
    net = SigmoidMLP(**trained.model).double()
    net.load_state_dict(trained.net.state_dict())
    sums = []

    def keep(_module: torch.nn.Module, _inputs: Any, z: torch.Tensor) -> None:
        z.retain_grad()
        sums.append(z)

    for linear in net.linear_layers:
        linear.register_forward_hook(keep)
    images = trained.preprocessing(example.image[None]).double()
    net.cost(net(images), torch.tensor([example.label])).sum().backward()

    errors = compute_errors(trained, example)
    factor = 10 if trained.model["cost_function"] == "cross_entropy" else 5
    assert [layer.layer for layer in errors.layers] == list(range(1, len(sums) + 1))[-3:]
    for layer in errors.layers:
        gradient = sums[layer.layer - 1].grad
        assert gradient is not None
        assert layer.delta.tolist() == pytest.approx((factor * gradient[0, layer.neurons]).tolist())
        assert layer.size == gradient.shape[1]
        hidden = gradient[0].abs()
        assert float(hidden[layer.neurons].min()) >= float(hidden.sort(descending=True).values[len(layer.neurons) - 1])
    last = net.linear_layers[-1].weight
    assert last.grad is not None
    place = errors.output, errors.source
    assert errors.gradient == pytest.approx(float(last.grad[place]))
    assert errors.weight == float(last[place].detach())
    torch.optim.SGD([last], lr=errors.eta).step()
    assert errors.updated == pytest.approx(float(last[place].detach()))
    assert errors.updated != errors.weight


def test_the_flow_adds_up_to_the_errors_below(small_net: Trained, example: Example) -> None:
    """All ten output neurons are shown: Σ w δ times σ′(z) = a (1 - a) is the error of each hidden neuron."""
    errors = compute_errors(small_net, example)
    hidden, output = errors.layers
    assert hidden.flow is not None
    assert output.flow is None
    with torch.no_grad():
        a = torch.sigmoid(small_net.net.linear_layers[0](small_net.preprocessing(example.image[None])))[0]
    slopes = (a * (1 - a))[hidden.neurons]
    assert (hidden.flow.sum(dim=0) * slopes).tolist() == pytest.approx(hidden.delta.tolist(), rel=1e-4)
    assert errors.sum_below is not None
    assert errors.sum_below * errors.slope_below == pytest.approx(errors.delta_below)


def test_the_equations_are_printed_with_their_numbers(small_net: Trained, example: Example) -> None:
    """Each line ends in the rounded value of what its numbers give."""
    texts = [text.get_text() for text in draw_errors(compute_errors(small_net, example), example).texts]
    equations = [text.replace("\N{MINUS SIGN}", "-") for text in texts if "≈" in text]
    assert len(equations) == 4
    for equation in equations:
        *_, numbers = equation.split(" = ")
        product, result = numbers.split(" ≈ ")
        assert eval(product.replace("·", "*")) == pytest.approx(float(result), rel=0.02, abs=0.01)
