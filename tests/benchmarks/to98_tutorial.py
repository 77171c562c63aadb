"""Train the default net as tutorials do, with torchvision's transforms, DataLoaders and autograd.

Arguments: the settings of configs/default.yaml as JSON, and the folder where torchvision finds MNIST.
"""

import json
import logging
import sys
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, random_split
from torchvision.datasets import MNIST
from torchvision.transforms import Compose, Normalize, ToTensor

from mnist_mlp.initialization import initialize
from mnist_mlp.schedule import Schedule


class Classifier(L.LightningModule):
    """The same net, initialization, cost and learning rates as the default run."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        self.settings = settings
        sizes = [784, *settings["hidden_sizes"], 10]
        layers: list[nn.Module] = [nn.Flatten()]
        for n, m in zip(sizes, sizes[1:], strict=False):
            linear = nn.Linear(n, m)
            initialize([linear], settings["init"])
            layers += [linear, nn.Sigmoid()]
        self.net = nn.Sequential(*layers)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        cost = F.mse_loss(self.net(images), F.one_hot(labels, 10).float())
        self.log("train_loss", cost)
        return cost

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_accuracy", self._accuracy(batch))

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("test_accuracy", self._accuracy(batch))

    def _accuracy(self, batch: list[Tensor]) -> Tensor:
        images, labels = batch
        hits: Tensor = self.net(images).argmax(1) == labels
        return hits.float().mean()

    def configure_optimizers(self) -> Any:
        total = int(self.trainer.estimated_stepping_batches)
        epoch = total / (self.trainer.max_epochs or 1)
        schedule = Schedule(
            self.settings["lr_schedule"],
            self.settings["learning_rate"],
            total_updates=total,
            warmup_updates=self.settings["lr_warmup_epochs"] * epoch,
            step_updates=self.settings["lr_step_epochs"] * epoch,
            step_factor=self.settings["lr_step_factor"],
        )
        optimizer = torch.optim.SGD(self.parameters(), lr=schedule.peak)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda update: schedule(update) / schedule.peak)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def main() -> None:
    settings, root = json.loads(sys.argv[1]), sys.argv[2]
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    L.seed_everything(settings["seed_everything"])
    transform = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
    examples = MNIST(root, train=True, transform=transform)
    val_size = settings["data"]["val_size"]
    train, val = random_split(examples, [len(examples) - val_size, val_size])
    test = MNIST(root, train=False, transform=transform)

    best = ModelCheckpoint(monitor="val_accuracy", mode="max")
    # A progress bar would slow it further.
    trainer = L.Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=settings["trainer"]["max_epochs"],
        callbacks=[best],
        enable_progress_bar=False,
    )
    trainer.fit(
        Classifier(settings["model"]),
        DataLoader(train, batch_size=settings["data"]["batch_size"], shuffle=True),
        DataLoader(val, batch_size=1_000),
    )
    trainer.test(dataloaders=DataLoader(test, batch_size=1_000), ckpt_path="best", verbose=False)
    print(f"test accuracy {float(trainer.callback_metrics['test_accuracy']):.2%}")


if __name__ == "__main__":
    main()
