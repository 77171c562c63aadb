"""The runs of "Train it yourself" in Python, in float64, with the random numbers and the digits of the page."""

import base64
import io
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_mlp import backprop
from mnist_mlp.backprop import Layer

DEFAULTS = {"h": 30, "activation": "sigmoid", "bias": True, "eta": 4, "batch": 10, "seed": 0}


def pictures(page_file: Path, name: str) -> tuple[Tensor, Tensor]:
    """Return the inputs and labels of digits in the page."""
    found = re.search(rf'id="data-{name}">(.*?)</script>', page_file.read_text("utf-8"))
    assert found is not None
    data = json.loads(found[1])
    with Image.open(io.BytesIO(base64.b64decode(data["sprite"].split(",")[1]))) as sprite:
        pixels = np.asarray(sprite)
    rows = pixels.reshape(-1, 28, data["columns"], 28).transpose(0, 2, 1, 3).reshape(-1, 784)
    labels = torch.tensor([int(label) for label in data["labels"]])
    return torch.from_numpy(rows[: len(labels)] / 255.0), labels


def python_run(
    settings: dict[str, Any], digits: tuple[Tensor, Tensor], updates: int
) -> tuple[list[Layer], list[Layer]]:
    """Return the net before and after some updates within the first epoch."""
    images, labels = digits
    random = _mulberry32(settings["seed"])
    before = _random_layers(settings, random)
    order = list(range(len(labels)))
    for i in range(len(order) - 1, 0, -1):
        j = math.floor(next(random) * (i + 1))
        order[i], order[j] = order[j], order[i]
    layers = before
    for at in range(updates):
        if settings["batch"] == len(order):
            chosen = order  # the second epoch has another order of the same digits
        else:
            chosen = order[at * settings["batch"] : (at + 1) * settings["batch"]]
        targets = torch.nn.functional.one_hot(labels[chosen], 10).double()
        layers = backprop.update(layers, backprop.gradient(layers, images[chosen], targets), settings["eta"])
    return before, layers


def _random_layers(settings: dict[str, Any], random: Iterator[float]) -> list[Layer]:
    sizes = [784, *([settings["h"]] if settings["h"] else []), 10]
    layers = []
    for n, m in zip(sizes, sizes[1:], strict=False):
        bound = math.sqrt(6 / (n + m))
        W = torch.tensor([(2 * next(random) - 1) * bound for _ in range(m * n)], dtype=torch.float64).reshape(m, n)
        b = torch.zeros(m, dtype=torch.float64) if settings["bias"] else None
        layers.append(Layer(W, b, settings["activation"]))
    return [*layers[:-1], layers[-1]._replace(activation="sigmoid")]


def _mulberry32(seed: int) -> Iterator[float]:
    """Yield random numbers as mulberry32 draws them."""
    mask, state = 0xFFFFFFFF, seed
    while True:
        state = (state + 0x6D2B79F5) & mask
        t = ((state ^ (state >> 15)) * (state | 1)) & mask
        t ^= (t + (t ^ (t >> 7)) * (t | 61)) & mask
        yield (t ^ (t >> 14)) / 2**32
