"""TODO monitoring.augmented_digits."""

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewing
from mnist_mlp.data.loader import MiniBatches

VERSIONS = 8
ENLARGED = 2


class AugmentedDigits(Callback):
    """Shows what a run with deformed images learns from: one page, at the start."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        batches = trainer.train_dataloader
        if trainer.current_epoch or not isinstance(batches, MiniBatches) or batches.augmentation is None:
            return
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                page = augmented_digits(
                    batches.examples, batches.indices, batches.augmentation, batches.preprocessing.deskew
                )
                logger.experiment.add_image("deformed digits", page, 0)


def augmented_digits(examples: Examples, indices: Tensor, augmentation: Augmentation, deskew: bool = False) -> Tensor:
    """One column per digit: above, the first of it among `indices` as it is; below, deformed versions of that, made
    upright first if `deskew`.

    Returns:
        (3, height, width) uint8, ink black on white, two screen pixels to a pixel and a grey line around each image.
    """
    from torchvision.utils import make_grid

    labels = examples.labels[indices.to(examples.labels.device)].cpu()
    digits = labels.unique()
    firsts = torch.stack([indices[labels == digit][0] for digit in digits])
    originals = examples.images[firsts.to(examples.images.device)].cpu()
    of_each, generator = digits.repeat(VERSIONS), torch.Generator().manual_seed(0)
    upright = deskewing(originals).repeat(VERSIONS, 1, 1) if deskew else None
    deformed = augmentation(originals.repeat(VERSIONS, 1, 1), of_each, generator, before=upright)
    ink = torch.cat([originals.float(), deformed])[:, None]
    ink = ink.repeat_interleave(ENLARGED, dim=2).repeat_interleave(ENLARGED, dim=3)
    page: Tensor = 255 - make_grid(ink, nrow=len(originals), padding=1, pad_value=64.0)
    return page.round().to(torch.uint8)
