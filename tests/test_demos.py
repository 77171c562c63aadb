"""The net and the data module with Lightning's demos, torch's loaders and torch.compile."""

from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel
from lightning.pytorch.demos.mnist_datamodule import MNISTDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import cache_dir, unpack_mnist
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from tests.command import QUIET
from tests.fast.runs import ENGINES, assert_same_weights

pytestmark = pytest.mark.usefixtures("read_once")


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_net_trains_on_the_data_module_of_lightning(
    engine: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are (B, 1, 28, 28) there. Fit, validation and test take them as they are."""
    (tmp_path / "data").symlink_to(unpack_mnist(cache_dir()), target_is_directory=True)
    monkeypatch.chdir(tmp_path)  # it looks for its files in ./data
    torch.manual_seed(0)
    data = MNISTDataModule(num_workers=0, val_split=59_000, batch_size=10)
    net = FastSigmoidMLP([16], engine=engine, learning_rate=10.0)
    trainer = L.Trainer(max_epochs=3, limit_val_batches=5, limit_test_batches=50, **QUIET)
    trainer.fit(net, datamodule=data)
    assert trainer.global_step == 300
    assert trainer.test(net, datamodule=data, verbose=False)[0]["test/accuracy"] > 0.5


class Boring(BoringModel):
    """Lightning's own example of a module, for 784 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(784, 2)

    def step(self, batch: Any) -> Tensor:
        images, labels = batch
        assert images.shape == (len(labels), 784)
        return self.loss(self(images))


def test_the_data_module_serves_a_module_of_lightning() -> None:
    module, data = Boring(), MNISTData(batch_size=100, val_size=58_000)
    before = module.layer.weight.clone()
    trainer = L.Trainer(max_epochs=1, **QUIET)
    trainer.fit(module, datamodule=data)
    assert trainer.global_step == 20
    assert not module.layer.weight.equal(before)
    trainer.test(module, datamodule=data, verbose=False)


def test_loader_and_dataset_are_those_of_torch() -> None:
    """The dataset gives single examples, slices and lists, and works in other loaders and subsets."""
    data = MNISTData(batch_size=100, val_size=58_000)
    data.setup()
    loader = data.train_dataloader()
    assert isinstance(loader, DataLoader)
    dataset: Any = loader.dataset
    assert len(dataset) == 2_000
    image, label = dataset[3]
    assert image.shape == (784,)
    assert label.shape == ()
    for key in (slice(3, 5), [3, 4], torch.tensor([3, 4])):
        images, labels = dataset[key]
        assert images[0].equal(image)
        assert labels.tolist() == [int(label), int(dataset[4][1])]
    subset = Subset(dataset, [4, 3, 0])
    ((images, labels),) = DataLoader(subset, batch_size=3)
    assert images[1].equal(image)
    assert labels[1] == label
    shuffled = torch.cat([labels for _, labels in DataLoader(dataset, batch_size=64, shuffle=True)])
    assert shuffled.bincount().equal(dataset.labels().bincount())


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's tracer reads it
def test_a_compiled_net_trains_the_same_without_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    """torch.compile traces the net, and does not trace it again for every mini-batch. Training takes autograd."""

    def trained(compiled: bool) -> FastSigmoidMLP:
        torch.manual_seed(0)
        net = FastSigmoidMLP([8], learning_rate=1.0)
        trainer = L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET)
        module: Any = torch.compile(net, backend="eager") if compiled else net
        trainer.fit(module, datamodule=MNISTData(batch_size=100, val_size=58_000))
        assert net.uses_closed_form is not compiled
        assert trainer.global_step == 20
        return net

    torch.compiler.reset()
    try:
        compiled = trained(compiled=True)
    finally:
        torch.compiler.reset()
    assert "torch._dynamo" not in capfd.readouterr().err
    assert_same_weights(compiled, trained(compiled=False), atol=1e-6)
