"""The GRAPHS tab names the layers and the activation functions of the net."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.graph import named_layers
from tests.monitoring.runs import read


def operations(net: SigmoidMLP, folder: Path, **options: Any) -> dict[str, str]:
    """Return the operations of the net in the event file, by the name of their module."""
    logger = CostCurveLogger(str(folder), **{"log_graph": True, **options})
    logger.log_graph(net)
    logger.finalize("success")
    events = read(Path(logger.log_dir))
    if not events.Tags()["graph"]:
        return {}
    nodes = [node for node in events.Graph().node if node.op.startswith("aten::")]
    return {node.name.rpartition("/")[0]: node.op.removeprefix("aten::") for node in nodes}


@pytest.mark.parametrize("kind", [SigmoidMLP, FastSigmoidMLP])
def test_layers_and_sigmoids_have_names(kind: type[SigmoidMLP], tmp_path: Path) -> None:
    assert operations(kind([5, 4]), tmp_path) == {
        "Net/Flatten[input]": "flatten",
        "Net/Layer[hidden_1]/Linear[z]": "linear",
        "Net/Layer[hidden_1]/Sigmoid[a]": "sigmoid",
        "Net/Layer[hidden_2]/Linear[z]": "linear",
        "Net/Layer[hidden_2]/Sigmoid[a]": "sigmoid",
        "Net/Layer[output]/Linear[z]": "linear",
        "Net/Layer[output]/Sigmoid[a]": "sigmoid",
    }


def test_other_activation_functions(tmp_path: Path) -> None:
    found = operations(SigmoidMLP([5], activation="tanh", output_activation="scaled_tanh"), tmp_path / "tanh")
    assert found["Net/Layer[hidden_1]/Tanh[a]"] == "tanh"
    assert "Net/Layer[output]/Activation[a]" in found
    net = SigmoidMLP([5])
    net.activation = torch.relu
    found = operations(net, tmp_path / "replaced")
    assert found["Net/Layer[hidden_1]/Activation[a]"] == "relu"
    assert found["Net/Layer[output]/Sigmoid[a]"] == "sigmoid"


@pytest.mark.parametrize("sizes", [[], [5], [5, 4]])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "scaled_tanh", "identity"])
def test_the_named_layers_compute_what_the_net_computes(sizes: list[int], activation: Any) -> None:
    net = SigmoidMLP(sizes, activation=activation, output_activation=activation)
    images = torch.rand(3, 1, 28, 28)
    assert named_layers(net)(images).equal(net(images))


def test_the_net_stays_as_it_was(tmp_path: Path) -> None:
    """Parameter names, weights and modes."""
    net = SigmoidMLP([5]).eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    operations(net, tmp_path)
    assert list(net.state_dict()) == list(before)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
    assert not any(module.training for module in net.modules())


def test_a_net_with_a_forward_of_its_own_is_shown_as_it_is(tmp_path: Path) -> None:
    class Doubled(SigmoidMLP):
        def forward(self, images: Tensor) -> Tensor:
            return 2 * super().forward(images)

    found = operations(Doubled([5]), tmp_path)
    assert found["Doubled"] == "mul"
    assert "Doubled/Linear[1]" in found


def test_no_graph_unless_asked_for(tmp_path: Path) -> None:
    assert operations(SigmoidMLP([5]), tmp_path, log_graph=False) == {}
