"""TODO inference.trained."""

import json
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.datamodule import EVALUATION_BATCH_SIZE, MNISTData
from mnist_mlp.data.loader import AUGMENTED_AT_ONCE
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.model import SigmoidMLP


class Trained(NamedTuple):
    """A net with what is needed to use it.

    net: in evaluation mode, on the CPU.
    preprocessing: from images to the input neurons' activations, as in the net's training.
    model: the net's hyper-parameters, SigmoidMLP's arguments.
    data: MNISTData's arguments in the net's training; None if it was trained on other data.
    """

    net: SigmoidMLP
    preprocessing: Preprocessing
    model: dict[str, Any]
    data: dict[str, Any] | None

    @torch.no_grad()
    def activations(self, images: Tensor) -> Tensor:
        """The output neurons' activations, (B, 10), for images of MNIST's form, (B, 28, 28) uint8."""
        return torch.cat([self.net(self.preprocessing(part)) for part in images.split(EVALUATION_BATCH_SIZE)])

    @torch.no_grad()
    def averaged_activations(self, images: Tensor, augmentation: Augmentation, versions: int) -> Tensor:
        """The mean of the output neurons' activations, (B, 10), over so many deformed versions of each image.

        The decision rule of APAC (Sato, Nishimura, Yokoi 2015, arXiv 1505.03229; there the mean is that of logarithms).
        The versions are the same in every call.
        """
        generator = torch.Generator().manual_seed(0)
        means = []
        for part in images.split(AUGMENTED_AT_ONCE):
            no_labels = torch.zeros(len(part), dtype=torch.int64)
            answers = (
                self.net(self.preprocessing.augmented(part, no_labels, augmentation, generator))
                for _ in range(versions)
            )
            means.append(torch.stack(list(answers)).mean(dim=0))
        return torch.cat(means)

    def training_data(self, data_dir: str | None = None) -> MNISTData:
        """What the net was trained, validated and tested on; in `data_dir`, if not where it was then.

        Raises:
            InputError: that is not known.
        """
        if self.data is None:
            raise InputError("the net does not say what data it was trained on, so its splits are not known.")
        return data_module({**self.data, "data_dir": data_dir} if data_dir is not None else self.data)

    def settings(self) -> str:
        """All but the weights, as JSON."""
        return json.dumps({"model": self.model, "data": self.data, "scale": self.preprocessing._asdict()})


def data_module(settings: dict[str, Any]) -> MNISTData:
    """The data module with these settings, MNISTData's arguments.

    Raises:
        InputError: a setting is unknown.
    """
    try:
        return MNISTData(**settings)
    except TypeError as error:
        raise InputError(f"the net was trained on data with settings unknown here ({settings}).") from error
