"""One picture in TensorBoard of the augmented images that a run learns from."""

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewing
from mnist_mlp.data.loader import SplitDataset

VERSIONS = 8  # augmented images per digit
ENLARGED = 2  # screen pixels per pixel


class AugmentedDigits(Callback):
    """Show augmented digits at the start of a run with augmentation. A resumed run does not show them again."""

    counts_blocks = True  # only looks, at whole epochs (fast/eligibility.py)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        split = getattr(trainer.train_dataloader, "dataset", None)
        if trainer.current_epoch or not isinstance(split, SplitDataset) or split.augmentation is None:
            return
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                page = augmented_digits(split.examples, split.indices, split.augmentation, split.preprocessing.deskew)
                logger.experiment.add_image("3 pictures/augmented digits", page, 0)


def augmented_digits(examples: Examples, indices: Tensor, augmentation: Augmentation, deskew: bool = False) -> Tensor:
    """Draw one column per digit: at the top an original image, below it augmented versions of that image.

    Args:
        examples: the images and labels to choose from.
        indices: (N,) the training split. The first image of each digit is drawn.
        augmentation: how the images are augmented.
        deskew: whether the images are deskewed before that. The originals are drawn as they are.

    Returns:
        (3, height, width) uint8: black ink on white paper, two screen pixels per pixel, a grey line around each image.
    """
    from torchvision.utils import make_grid

    labels = examples.labels[indices.to(examples.labels.device)].cpu()
    digits = labels.unique()
    firsts = torch.stack([indices[labels == digit][0] for digit in digits])
    originals = examples.images[firsts.to(examples.images.device)].cpu()
    repeated_digits, generator = digits.repeat(VERSIONS), torch.Generator().manual_seed(0)
    upright = deskewing(originals).repeat(VERSIONS, 1, 1) if deskew else None
    augmented = augmentation(originals.repeat(VERSIONS, 1, 1), repeated_digits, generator, before=upright)
    ink = torch.cat([originals.float(), augmented])[:, None]
    ink = ink.repeat_interleave(ENLARGED, dim=2).repeat_interleave(ENLARGED, dim=3)
    page: Tensor = 255 - make_grid(ink, nrow=len(originals), padding=1, pad_value=64.0)
    return page.round().to(torch.uint8)
