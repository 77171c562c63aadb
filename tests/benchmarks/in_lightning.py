"""Lightning: as in tutorials, with tensors in memory, and this project's own command."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from tests.benchmarks.in_torch import sequential, weights_of
from tests.benchmarks.work import EPOCH, SEED, Array, Task, Trained


class Clock(Callback):
    """Record when each epoch begins and when its training ends."""

    counts_blocks = True  # steps of several weight updates do not matter to it (fast/eligibility.py)

    def __init__(self) -> None:
        self.begins: list[float] = []
        self.trained: list[float] = []

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.begins.append(time.perf_counter())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.trained.append(time.perf_counter())

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.begins.append(time.perf_counter())

    def seconds(self, share: float) -> list[float]:
        """Return the seconds of each epoch, from its beginning to that of the next.

        Args:
            share: the fraction of a real epoch that is trained. Work done once per epoch (metrics, logging,
                checkpoints) counts by the same fraction.
        """
        return [
            (trained - begin) + share * (end - trained)
            for begin, trained, end in zip(self.begins, self.trained, self.begins[1:], strict=False)
        ]


class Classifier(L.LightningModule):
    """A LightningModule as tutorials write it."""

    def __init__(self, net: nn.Module, learning_rate: float, log_cost: bool) -> None:
        super().__init__()
        self.net, self.learning_rate, self.log_cost = net, learning_rate, log_cost

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        images, labels = batch
        cost = F.mse_loss(self.net(images.flatten(1)), F.one_hot(labels, 10).float())
        if self.log_cost:
            self.log("train_loss", cost)
        return cost

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.learning_rate)


class InMemory:
    """The task's mini-batches as an iterable that Lightning takes instead of a DataLoader. Each pass is one epoch."""

    def __init__(self, task: Task) -> None:
        self.images, self.labels = torch.from_numpy(task.images), torch.from_numpy(task.targets.argmax(1))
        self.orders: Iterator[Array] = iter(task.orders)
        self.net = task.net

    def __len__(self) -> int:
        return self.net.updates

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in torch.from_numpy(next(self.orders)).split(self.net.batch_size):
            yield self.images[batch], self.labels[batch]


def tutorial(task: Task) -> Trained:
    """Train as tutorials do: a DataLoader converts each PIL image to a tensor; all other settings are the defaults."""
    from torch.utils.data import DataLoader, Subset
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    from mnist_mlp.data.dataset import cache_dir, unpack_mnist

    torch.manual_seed(SEED)
    images: Any = MNIST(unpack_mnist(cache_dir()), train=True, transform=ToTensor())
    if task.net.examples < EPOCH:
        images = Subset(images, task.orders[0].tolist())
    return _fit(task, DataLoader(images, batch_size=task.net.batch_size, shuffle=True), log_cost=True)


def in_memory_logged(task: Task) -> Trained:
    return _fit(task, InMemory(task), log_cost=True)


def in_memory(task: Task) -> Trained:
    return _fit(task, InMemory(task), log_cost=False, logger=False, enable_checkpointing=False)


def _fit(task: Task, batches: Iterable[Any], log_cost: bool, **settings: Any) -> Trained:
    """Fit without a progress bar. On a terminal, a bar would slow these rows further."""
    clock, module = Clock(), Classifier(sequential(task), task.net.learning_rate, log_cost)
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=len(task.orders),
            callbacks=[clock],
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
            **settings,
        )
        trainer.fit(module, batches)
    return Trained(clock.seconds(task.net.share), weights_of(module))


def project(task: Task, precision: str = "32-true") -> Trained:
    """Train as `python -m mnist_mlp.train` does, with its logger, callbacks and checkpoints; only the weights are set.

    Pictures are off: a run draws them after the epochs 1, 2, 4, 8 and so on, so a run this short would draw too often.
    """
    from mnist_mlp.training.cli import TrainCLI

    net = task.net
    with tempfile.TemporaryDirectory() as folder:
        cli = TrainCLI(
            [
                f"--model.hidden_sizes={net.hidden}",
                f"--model.learning_rate={net.learning_rate}",
                "--model.lr_schedule=constant",
                "--model.lr_warmup_epochs=0",
                "--model.engine=closed_form",
                f"--data.batch_size={net.batch_size}",
                f"--data.val_size={EPOCH - net.examples}",
                "--data.normalize=false",
                "--pictures=false",
                "--trainer.accelerator=cpu",
                f"--trainer.precision={precision}",
                f"--trainer.max_epochs={len(task.orders)}",
                "--trainer.limit_val_batches=0",
                f"--trainer.default_root_dir={folder}",
            ]
        )
        with torch.no_grad():
            for layer, (w, b) in zip(cli.model.linear_layers, task.weights, strict=True):
                layer.weight.copy_(torch.from_numpy(w))
                layer.bias.copy_(torch.from_numpy(b))
        cli.datamodule.shuffle_seed = SEED
        clock = Clock()
        cli.trainer.callbacks.insert(0, clock)  # type: ignore[attr-defined]
        cli.trainer.fit(cli.model, datamodule=cli.datamodule)
    return Trained(clock.seconds(net.share), weights_of(cli.model))


def project_bf16(task: Task) -> Trained:
    return project(task, "bf16-mixed")
