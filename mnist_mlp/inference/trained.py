"""A trained net with everything that is needed to use it."""

import json
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor

from mnist_mlp.checks import is_whole, shown
from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.augmented_epoch import AUGMENTED_AT_ONCE
from mnist_mlp.data.datamodule import EVALUATION_BATCH_SIZE, MNISTData
from mnist_mlp.data.dataset import DatasetName
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.pictures.arrays import SIDE, mnist_images


class Trained(NamedTuple):
    """A trained net, its preprocessing and its settings.

    net: the net, in evaluation mode, on the CPU.
    preprocessing: from images to the activations of the input neurons, as in training.
    model: the arguments of SigmoidMLP.
    data: the arguments of MNISTData in training; None if the net was trained on other data.
    class_names: the names of the labels 0, 1, ..., such as "trouser"; None stands for digits.
    """

    net: SigmoidMLP
    preprocessing: Preprocessing
    model: dict[str, Any]
    data: dict[str, Any] | None
    class_names: tuple[str, ...] | None = None

    @torch.no_grad()
    def activations(self, images: Any) -> Tensor:
        """Compute the output activations of images in MNIST's form: (B, 28, 28) -> (B, 10), one image -> (1, 10).

        Args:
            images: a tensor, a numpy array, a PIL image or lists, of bytes, whole numbers, booleans or floats, as
                `mnist_images` in pictures/arrays.py takes them. (B, 28, 28) uint8 is used as it is.

        Raises:
            InputError: the images have another shape, type or scale.
        """
        if (
            not (isinstance(images, Tensor) and images.dtype == torch.uint8 and images.ndim == 3 and len(images))
            or images.shape[1:] != (SIDE, SIDE)
            or images.max() <= 1
        ):
            images = torch.from_numpy(mnist_images(images))
        return torch.cat([self.net(self.preprocessing(part)) for part in images.split(EVALUATION_BATCH_SIZE)])

    def __call__(self, images: Any) -> Tensor:
        """Return `activations`."""
        return self.activations(images)

    @torch.no_grad()
    def averaged_activations(self, images: Tensor, augmentation: Augmentation, versions: int) -> Tensor:
        """Average the output activations over augmented versions of each image: (B, 28, 28) uint8 -> (B, 10).

        The decision rule is that of APAC (Sato, Nishimura, Yokoi 2015, arXiv 1505.03229), which averages logarithms of
        the outputs. The random numbers are the same in every call.

        Args:
            images: (B, 28, 28) uint8, in MNIST's form.
            augmentation: how to vary the images.
            versions: the number of versions of each image.
        """
        generator = torch.Generator().manual_seed(0)
        means = []
        for part in images.split(AUGMENTED_AT_ONCE):
            no_labels = torch.zeros(len(part), dtype=torch.int64)  # they are unknown at test time
            outputs = [
                self.net(self.preprocessing.augmented(part, no_labels, augmentation, generator))
                for _ in range(versions)
            ]
            means.append(torch.stack(outputs).mean(dim=0))
        return torch.cat(means)

    def training_data(self, data_dir: str | None = None) -> MNISTData:
        """Return the data module that the net was trained with.

        Args:
            data_dir: the folder of the data set, if it has changed since training.

        Raises:
            InputError: the net was trained on other data, or with a setting that MNISTData does not have.
        """
        if self.data is None:
            raise InputError("the net does not say what data it was trained on, so its splits are not known.")
        return data_module({**self.data, "data_dir": data_dir} if data_dir is not None else self.data)

    def settings(self) -> str:
        """Return everything except the weights, as a JSON document."""
        scale = self.preprocessing._asdict()
        return json.dumps({"model": self.model, "data": self.data, "scale": scale, "class_names": self.class_names})


def data_module(settings: dict[str, Any]) -> MNISTData:
    """Return the data module with these arguments of MNISTData.

    Raises:
        InputError: MNISTData has no such argument, or a value is out of range.
    """
    try:
        data = MNISTData(**settings)
        known = [data.hparams["dataset"] in get_args(DatasetName), is_whole(data.hparams["split_seed"])]
        known += [isinstance(data.hparams[name], bool) for name in ("normalize", "deskew")]
        known += [isinstance(data.hparams["data_dir"], (str, type(None)))]
    except InputError:
        raise
    except (TypeError, ValueError, AttributeError) as error:  # values of other types, as damaged files have
        raise InputError(f"the net was trained on data with settings unknown here ({shown(settings)}).") from error
    if not all(known):
        raise InputError(f"the net was trained on data with settings unknown here ({shown(settings)}).")
    return data
