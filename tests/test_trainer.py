"""The net and its data in Trainers of other people: idioms of Lightning's guides do what they say."""

from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.tuner.tuning import Tuner
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.errors import InputError
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.model import SigmoidMLP
from tests.command import QUIET
from tests.fast.runs import ENGINES, assert_same_weights, train

pytestmark = pytest.mark.usefixtures("read_once")


class Epochs(L.Callback):
    """Notes each epoch's number, and the weight updates before it."""

    counts_blocks = True

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.seen.append((trainer.current_epoch, trainer.global_step))


class Other(L.LightningModule):
    """A module that is not ours, and takes pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(784, 10)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        images, labels = batch
        return torch.nn.functional.cross_entropy(self.layer(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def modules() -> list[L.LightningModule]:
    return [FastSigmoidMLP([8], engine="closed_form"), SigmoidMLP([8]), Other()]


@pytest.mark.parametrize("module", modules(), ids=lambda module: type(module).__name__)
def test_fit_again_trains_one_more_epoch(module: L.LightningModule) -> None:
    """fit, max_epochs += 1, fit: each epoch once, as with any other loader."""
    epochs = Epochs()
    trainer = L.Trainer(max_epochs=1, limit_val_batches=0, callbacks=[epochs], **QUIET)
    data = MNISTData(batch_size=100, val_size=58_000)
    trainer.fit(module, datamodule=data)
    trainer.fit_loop.max_epochs = 2
    trainer.fit(module, datamodule=data)
    assert epochs.seen == [(0, 0), (1, 20)]
    assert trainer.global_step == 40


@pytest.mark.parametrize("engine", ENGINES)
def test_overfit_batches_shows_the_same_images_in_every_epoch(engine: EngineName) -> None:
    """With augmentation, too."""

    class Seen(L.Callback):
        counts_blocks = False

        def __init__(self) -> None:
            self.images: list[Tensor] = []

        def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            self.images.append(batch[0].clone())

    seen = Seen()
    trainer = L.Trainer(max_epochs=3, overfit_batches=2, callbacks=[seen], **QUIET)
    trainer.fit(FastSigmoidMLP([8], engine=engine), datamodule=MNISTData(batch_size=50, val_size=58_000, rotation=10.0))
    first, second, *later = seen.images
    assert not torch.equal(first, second)
    assert len(later) == 4
    for i, images in enumerate(later):
        assert torch.equal(images, (first, second)[i % 2])


def test_batches_are_pairs() -> None:
    data = MNISTData(batch_size=100, val_size=58_000)
    data.setup()
    batch: Any = next(iter(data.train_dataloader()))
    images, labels = batch
    assert images.shape == (100, 784)
    assert labels.shape == (100,)
    L.Trainer(max_steps=2, limit_val_batches=0, **QUIET).fit(Other(), datamodule=data)


def test_predict_gives_the_activations_of_the_test_images(mnist: Any) -> None:
    """From the data module, from a loader of pairs, and from a loader of images."""
    data, net = MNISTData(val_size=58_000), SigmoidMLP([8])
    trainer = L.Trainer(**QUIET)
    activations = torch.cat(trainer.predict(net, datamodule=data))  # type: ignore[arg-type]
    assert activations.shape == (10_000, 10)
    images = data.preprocessing(mnist[1].images[:20])
    with torch.no_grad():
        torch.testing.assert_close(activations[:20], net(images))
    for dataset in (TensorDataset(images, torch.zeros(20)), images):
        predicted = trainer.predict(net, DataLoader(dataset, batch_size=5))  # type: ignore[arg-type]
        torch.testing.assert_close(torch.cat(predicted), activations[:20])  # type: ignore[arg-type]


def test_the_tuner_finds_a_learning_rate_and_a_batch_size() -> None:
    """They are set where the net and the data module keep them, and training goes on with them."""
    net, data = FastSigmoidMLP([8], learning_rate=1.0), MNISTData(batch_size=16, val_size=58_000)
    trainer = L.Trainer(max_epochs=1, limit_val_batches=0, **QUIET)
    found = Tuner(trainer).lr_find(net, datamodule=data, num_training=20)
    assert found is not None
    assert len(found.results["lr"]) == 20
    size = Tuner(trainer).scale_batch_size(net, datamodule=data, max_trials=2, init_val=16)
    assert size == data.batch_size == data.hparams["batch_size"] == 32
    trainer.fit(net, datamodule=data)
    assert trainer.global_step == -(-2000 // 32)


def test_gradient_accumulation_by_epoch_is_trained_by_autograd() -> None:
    """One mini-batch per update in the first epoch, four in the second; the schedule covers exactly these updates."""
    runs = [
        train(
            engine, net={"lr_warmup_epochs": 0}, callbacks=[GradientAccumulationScheduler({1: 4})], log_every_n_steps=1
        )
        for engine in ("auto", "autograd")
    ]
    assert_same_weights(runs[0].model, runs[1].model)
    assert runs[0].trainer.global_step == 125 + 32
    assert runs[0].model.schedule().total_updates == 157


def test_a_rate_that_others_change_is_never_ignored() -> None:
    """Autograd follows it; the closed form, where the callback claims only to look on, stops with one sentence."""

    class SetRate(L.Callback):
        def on_train_batch_start(self, trainer: L.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            trainer.optimizers[0].param_groups[0]["lr"] = 1.0

    class ClaimsToLookOn(SetRate):
        counts_blocks = False

    assert_same_weights(train("auto", callbacks=[SetRate()]).model, train("autograd", callbacks=[SetRate()]).model)
    with pytest.raises(InputError, match=r"^the learning rate was changed during training, .*engine autograd\.$"):
        train("closed_form", callbacks=[ClaimsToLookOn()])


def test_gradient_accumulation_by_epoch_without_a_limit_on_epochs() -> None:
    """The schedule covers all weight updates up to `max_steps`, not those of one epoch."""
    accumulation = GradientAccumulationScheduler({1: 4})
    run = train("auto", callbacks=[accumulation], max_epochs=-1, max_steps=180)
    assert run.trainer.global_step == run.model.schedule().total_updates == 180


def test_a_rate_that_a_callback_sets_before_training_is_used() -> None:
    """ExactResume corrects the rate of resumed runs only. From the second update on, η follows the net's schedule."""

    class SetRate(L.Callback):
        def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
            trainer.optimizers[0].param_groups[0]["lr"] = 0.125

    rates = train("autograd", callbacks=[SetRate()], log_every_n_steps=1).logged["update/learning_rate"]
    assert rates[0] == 0.125
    assert rates[1] != 0.125
