"""The net as a Lightning tutorial would write it, with a plain DataLoader. It shares no code with this package."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, DistributedSampler, Sampler, SequentialSampler, TensorDataset

Pair = tuple[Tensor, Tensor]


class PlainMLP(L.LightningModule):
    """784-8-10 sigmoid neurons, the average squared error, and SGD with a cosine or a constant rate."""

    def __init__(self, learning_rate: float, lr_schedule: str) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = nn.ModuleList([nn.Linear(784, 8), nn.Linear(8, 10)])

    def forward(self, images: Tensor) -> Tensor:
        a = images.flatten(1)
        for layer in self.layers:
            a = torch.sigmoid(layer(a))
        return a

    def cost(self, batch: Sequence[Tensor], name: str) -> Tensor:
        a = self(batch[0])
        a = a.to(torch.promote_types(a.dtype, torch.float32))
        cost = F.mse_loss(a, F.one_hot(batch[1], 10).to(a.dtype))
        self.log(f"{name}/cost", cost, on_step=False, on_epoch=True)
        if name == "train":
            self.log("update/mini_batch_cost", cost)
        return cost

    def training_step(self, batch: Sequence[Tensor], batch_idx: int) -> Tensor:
        return self.cost(batch, "train")

    def validation_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.cost(batch, "val")

    def test_step(self, batch: Sequence[Tensor], batch_idx: int) -> None:
        self.cost(batch, "test")

    def predict_step(self, batch: Sequence[Tensor], batch_idx: int) -> Any:
        return self(batch[0])

    def factor(self, update: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * min(1.0, update / max(1, self.trainer.estimated_stepping_batches))))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.hparams["learning_rate"])
        if self.hparams["lr_schedule"] == "constant":
            return optimizer
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class RecordedOrder(Sampler[int]):
    """The images of each epoch in a given order."""

    def __init__(self, orders: Sequence[Sequence[int]]) -> None:
        self.orders, self.epoch = orders, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(self.orders[self.epoch])

    def __len__(self) -> int:
        return len(self.orders[0])


class FixedOrder(RecordedOrder, SequentialSampler):
    """The first epoch's order in every epoch. Lightning replaces other samplers for `overfit_batches`."""

    def set_epoch(self, epoch: int) -> None:
        pass


class SharedOrder(RecordedOrder, DistributedSampler[int]):
    """Every second image in each of two processes. Lightning replaces samplers that are not distributed."""

    def __iter__(self) -> Iterator[int]:
        return iter(self.orders[self.epoch][dist.get_rank() :: 2])

    def __len__(self) -> int:
        return len(self.orders[0]) // 2


class PlainData(L.LightningDataModule):
    """Images and labels in memory, in plain DataLoaders.

    Args:
        train: the training images and labels.
        orders: the order of the training images, for each epoch.
        validation: the validation images and labels.
        test: the test images and labels.
        batch_size: examples per weight update.
        evaluation_batch_size: examples per batch elsewhere.
        sampler: the class of the training loader's sampler.
    """

    def __init__(
        self,
        train: Pair,
        orders: Sequence[Sequence[int]],
        validation: Pair,
        test: Pair,
        batch_size: int,
        evaluation_batch_size: int,
        sampler: type[RecordedOrder] = RecordedOrder,
    ) -> None:
        super().__init__()
        self.train, self.orders, self.validation, self.test = train, orders, validation, test
        self.batch_size, self.evaluation_batch_size = batch_size, evaluation_batch_size
        self.sampler = sampler

    def train_dataloader(self) -> Any:
        return DataLoader(TensorDataset(*self.train), batch_size=self.batch_size, sampler=self.sampler(self.orders))

    def val_dataloader(self) -> Any:
        return DataLoader(TensorDataset(*self.validation), batch_size=self.evaluation_batch_size)

    def test_dataloader(self) -> Any:
        return DataLoader(TensorDataset(*self.test), batch_size=self.evaluation_batch_size)

    def predict_dataloader(self) -> Any:
        return self.test_dataloader()
