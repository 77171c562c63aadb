"""One picture in TensorBoard of augmented digits, at the start of a run with augmentation."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_image

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewed
from mnist_mlp.monitoring.augmented_digits import ENLARGED, AugmentedDigits, augmented_digits
from tests.data.helpers import SETTINGS
from tests.monitoring.runs import Run


def cells(page: Tensor) -> Tensor:
    """Read the images (rows, 10, 28, 28), 0 paper to 255 ink, from a page (height, width)."""
    side = 28 * ENLARGED + 1  # with the line between two images
    return 255 - page[1:, 1:].unfold(0, side - 1, side).unfold(1, side - 1, side)[..., ::ENLARGED, ::ENLARGED].int()


def pages(run: Run) -> list[bytes]:
    """Return a run's pages of augmented digits as PNG."""
    events = run.events()
    tags = [tag for tag in events.Tags()["images"] if "digits" in tag]
    assert set(tags) <= {"3 pictures/augmented digits"}
    return [event.encoded_image_string for tag in tags for event in events.Images(tag)]


@pytest.mark.usefixtures("few_images")
def test_one_page_at_the_start(tmp_path: Path) -> None:
    """At the top the digits 0 to 9, below them augmented versions. No page without augmentation or after resuming."""
    settings: dict[str, Any] = {"callbacks": [AugmentedDigits()], "max_epochs": 1}
    plain = Run(tmp_path / "plain", **settings)
    assert pages(plain) == []
    made = Run(tmp_path / "augmented", data=SETTINGS, **settings)
    assert made.trainer.num_training_batches == 1  # with this callback, a step still takes a block of mini-batches
    (png,) = pages(made)
    shown = cells(decode_image(torch.frombuffer(bytearray(png), dtype=torch.uint8), ImageReadMode.GRAY)[0])
    assert shown.shape == (9, 10, 28, 28)
    images, labels = made.data.train_dataloader().dataset.examples  # type: ignore[attr-defined]
    for digit in range(10):
        first = next(i for i in made.data.train_indices.tolist() if labels[i] == digit)
        assert shown[0, digit].equal(images[first].int())
        for version in shown[1:, digit]:
            overlap = torch.corrcoef(torch.stack([version.flatten(), shown[0, digit].flatten()]).float())[0, 1]
            assert 0.1 < overlap < 0.99  # the same digit, but not the same image
    made.trainer.save_checkpoint(tmp_path / "first.ckpt")
    settings["max_epochs"] = 2
    assert pages(Run(tmp_path / "resumed", data=SETTINGS, ckpt_path=tmp_path / "first.ckpt", **settings)) == []


def test_deskewing_comes_before_augmentation(mnist: tuple[Examples, Examples]) -> None:
    """With almost no augmentation, the images below an original are the deskewed original."""
    page = augmented_digits(mnist[0], torch.arange(100), Augmentation(shift=1e-3), deskew=True)[0]
    originals, *versions = cells(page)
    for row in versions:
        assert (row - deskewed(originals.to(torch.uint8))).abs().max() < 3
