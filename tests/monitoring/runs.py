"""Short runs with pictures, and readers of what they log."""

import io
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.net_pictures import INSPECTED, Pictures, Split
from tests.command import QUIET

IMAGES = ("first-layer weights", "outputs over epochs", "confusion matrix", "most confident mistakes")


def use_few_images(mnist: tuple[Examples, Examples], patch: pytest.MonkeyPatch) -> None:
    """Train and validate on 3,000 real images; validation takes several mini-batches, the last one shorter."""
    train_examples, test_examples = mnist
    few = Examples(train_examples.images[:3_000], train_examples.labels[:3_000])
    patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (few, test_examples))
    patch.setattr("mnist_mlp.data.datamodule.EVALUATION_BATCH_SIZE", 300)


class Run:
    """A short run with pictures, unless they are off; it validates on 1,000 of the 3,000 images."""

    def __init__(
        self,
        folder: Path,
        net: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        pictures: bool = True,
        ckpt_path: Path | None = None,
        **trainer: Any,
    ) -> None:
        L.seed_everything(5, verbose=False)
        self.net = FastSigmoidMLP(**{"hidden_sizes": [12], "learning_rate": 8.0, **(net or {})})
        self.data = MNISTData(**{"batch_size": 20, "val_size": 1_000, **(data or {})})
        self.data.setup()
        self.data._test = None  # a reader of the test split fails
        self.pictures = Pictures(pictures)
        self.logger = CostCurveLogger(str(folder))
        self.trainer = L.Trainer(
            **{**QUIET, "max_epochs": 2, "logger": self.logger, "callbacks": [self.pictures], **trainer}
        )
        self.trainer.fit(self.net, datamodule=self.data, ckpt_path=ckpt_path, weights_only=True)

    @property
    def split(self) -> Split:
        """The validation split, as the callback sees it."""
        loader: Any = self.data.val_dataloader()
        return Split("validation", loader.dataset, loader.sampler)

    @property
    def inspected(self) -> tuple[Tensor, Tensor]:
        """The input activations and the digits of the images that histograms and gradients are made from."""
        indices = self.split.first(INSPECTED)
        return self.split.dataset.preprocessing(self.split.images(indices)), self.split.labels(indices)

    def events(self) -> EventAccumulator:
        return read(Path(self.logger.log_dir))


def read(folder: Path) -> EventAccumulator:
    """Read all events of a run with TensorBoard's own reader."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "histograms": 0, "scalars": 0})
    events.Reload()
    return events


def last_picture(events: EventAccumulator, name: str) -> Image.Image:
    """Return the last picture of a name as RGB."""
    return Image.open(io.BytesIO(events.Images(f"3 pictures/{name}")[-1].encoded_image_string)).convert("RGB")
