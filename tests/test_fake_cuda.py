"""The work of a training step on a CUDA device that does not exist: torch's fake tensors have a device but no numbers.

An operation that mixes devices raises an error. So does every operation that makes the CPU wait for a number of the
accelerator, such as `float(tensor)`: there is none. These tests say nothing about the speed or the results on a GPU.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from packaging.version import Version
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from mnist_mlp.backprop import layers_of
from mnist_mlp.data.augmentation import Augmentation, _basis
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.elastic import elastic_modes
from mnist_mlp.data.loader import Block, MiniBatch, SharedMiniBatch, SplitDataset
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.model import SigmoidMLP

CUDA = torch.device("cuda")
N, BATCH_SIZE = 100, 16


@pytest.fixture(scope="module")
def net() -> SigmoidMLP:
    return SigmoidMLP([8])


@pytest.fixture(autouse=True)
def fake_cuda(net: SigmoidMLP, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if Version(torch.__version__) < Version("2.7"):
        pytest.skip("torch 2.6 ends the process where a fake CUDA tensor is made without a driver")
    # There is no generator of a fake device. Fake random numbers do not ask it for anything.
    monkeypatch.setattr("mnist_mlp.data.augmented_epoch.epoch_generator", lambda *_, device: torch.Generator())
    try:
        with FakeTensorMode():
            nn.Parameter(torch.ones(1, device=CUDA)).sum()
    except RuntimeError:
        pytest.skip("this version of torch makes fake CUDA tensors only with a driver")
    elastic_modes(4.0)  # computed once in a run, on the CPU, and kept
    with FakeTensorMode(allow_non_fake_inputs=True):
        for layer in net.linear_layers:
            for name, parameter in list(layer.named_parameters()):
                setattr(layer, name, nn.Parameter(torch.empty(parameter.shape, device=CUDA)))
        yield
    _basis.cache_clear()  # it holds fake tensors


def batches(updates_per_step: int = 1, world_size: int = 1, augmented: bool = False, deskew: bool = False) -> list[Any]:
    """Return all batches of an epoch."""
    images, labels = torch.zeros(N, 28, 28, dtype=torch.uint8, device=CUDA), torch.zeros(N, dtype=torch.int64)
    sampler = MiniBatchSampler(
        torch.arange(N), BATCH_SIZE, 1, world_size=world_size, updates_per_step=updates_per_step, device=CUDA
    )
    augmentation = Augmentation(rotation=10.0, elastic_alpha=34.0, rotation_of={1: 5.0}) if augmented else None
    examples = Examples(images, labels.to(CUDA))
    dataset = SplitDataset(examples, sampler.indices, Preprocessing(deskew=deskew), augmentation)
    return [dataset[part] for part in sampler]


def test_a_number_of_the_device_cannot_be_read() -> None:
    """Otherwise these tests could not fail."""
    with pytest.raises(DataDependentOutputException):
        float(torch.ones(3, device=CUDA).sum())
    with pytest.raises(RuntimeError, match="device"):
        torch.ones(3, device=CUDA) + torch.ones(3)


@pytest.mark.parametrize("deskew", [False, True])
@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize(
    ("settings", "kind"), [({}, MiniBatch), ({"world_size": 2}, SharedMiniBatch), ({"updates_per_step": 3}, Block)]
)
def test_batches_are_made_on_the_device(
    settings: dict[str, Any], kind: type[Any], augmented: bool, deskew: bool
) -> None:
    for batch in batches(**settings, augmented=augmented, deskew=deskew):
        assert isinstance(batch, kind)
        assert batch.images.device.type == batch.labels.device.type == "cuda"


def test_a_training_step_by_autograd_does_not_wait(net: SigmoidMLP, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, cost, metrics, weight update. Nothing is logged that Lightning copies to the device.

    Autograd's own engine does not run without a driver, so the gradients are made here.
    """
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.0)
    logged: dict[str, Any] = {}
    monkeypatch.setattr(net, "log_dict", logged.update)
    monkeypatch.setattr(net, "_trainer", FakeTrainer(optimizer))
    for batch in batches():
        cost = net.training_step(batch, 0)
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        assert cost.device.type == "cuda"
    assert all(isinstance(value, Tensor) for value in logged.values())


class FakeTrainer:
    """What `training_step` asks a Trainer for."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizers = [optimizer]


def test_a_block_in_closed_form_does_not_wait(net: SigmoidMLP) -> None:
    for images, labels, batch_size in batches(updates_per_step=3):
        with torch.no_grad():
            rates = [1.0] * -(-len(labels) // batch_size)
            outputs = gradient_descent(layers_of(net), images, net.targets(labels, images.dtype), rates, batch_size)
            costs = net.cost(outputs, labels)
        net.train_metrics.update(costs, outputs, labels)
        assert costs.device.type == "cuda"
