"""Measure how many digits are recognised, by kind: `python -m tests.pictures.rates [--test] [NUMBER] [KIND ...]`.

The digits are validation images of seed 0; with --test, the MNIST test images 1000 to 1059.
"""

import sys
import time
from typing import NamedTuple

import numpy as np
import torch

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples, load
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form
from tests.pictures.cameras import MORE
from tests.pictures.making import FIRST, Bytes, Kind
from tests.pictures.surroundings import OTHERS


class Rate(NamedTuple):
    """Shares of the pictures of one kind.

    right: recognised.
    wrong: answered, but wrongly.
    refused: with the sentences, how often each.
    """

    right: float
    wrong: float
    refused: dict[str, int]


def rate(net: Trained, kind: Kind, digits: Bytes, labels: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]") -> Rate:
    rng = np.random.default_rng(0)
    images, known, refused = [], [], dict[str, int]()
    for digit, label in zip(digits, labels, strict=True):
        picture = kind(digit, rng)
        try:
            images.append(mnist_form(picture))
            known.append(label)
        except InputError as error:
            refused[str(error)] = refused.get(str(error), 0) + 1
    n = len(digits)
    if not images:
        return Rate(0, 0, refused)
    answers = net.activations(torch.from_numpy(np.stack(images))).argmax(dim=1).numpy()
    right = float((answers == np.array(known)).sum())
    return Rate(right / n, (len(images) - right) / n, refused)


def examples(test: bool) -> Examples:
    """Return 60 test images, or 60 validation images of seed 0."""
    train, tested = load("MNIST", None)
    part = slice(1000, 1060)
    if test:
        return Examples(tested.images[part], tested.labels[part])
    data = MNISTData()
    data.setup()
    chosen = data.val_indices[part]
    return Examples(train.images[chosen], train.labels[chosen])


def main() -> None:
    names = [argument for argument in sys.argv[1:] if argument != "--test"]
    n = int(names.pop(0)) if names and names[0].isdigit() else 60
    chosen = examples("--test" in sys.argv)
    images, labels = chosen.images[:n].numpy(), chosen.labels[:n].numpy()
    net = load_net(nets_of_the_package()[-1])
    for kind in [*FIRST, *OTHERS, *MORE]:
        if not names or kind.__name__ in names:
            start = time.perf_counter()
            result = rate(net, kind, images, labels)
            each = 1000 * (time.perf_counter() - start) / len(images)
            shares = f"right {result.right:6.1%}  wrong {result.wrong:6.1%}"
            shares += f"  of {len(images)}"
            print(f"{kind.__name__:24} {shares}  {each:4.0f} ms  {result.refused or ''}", flush=True)


if __name__ == "__main__":
    main()
