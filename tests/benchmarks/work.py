"""The work that every row does: the same net, initial weights and order of mini-batches.

Imports numpy only, so that a row's process loads no framework but its own.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = list[tuple[Array, Array]]  # W (m, n) and b (m,) of each layer, float32

SEED = 0
EPOCH = 60_000  # images


@dataclass(frozen=True)
class Net:
    """A net and its training: plain SGD with a constant η.

    hidden: the sizes of the hidden layers.
    batch_size: examples per weight update.
    learning_rate: η.
    examples: images per epoch of the benchmark.
    epoch: images per epoch of a real training.
    """

    hidden: list[int]
    batch_size: int
    learning_rate: float
    examples: int = EPOCH
    epoch: int = EPOCH

    @property
    def sizes(self) -> list[int]:
        return [784, *self.hidden, 10]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(m, n) of each layer's W."""
        return [(m, n) for n, m in zip(self.sizes, self.sizes[1:], strict=False)]

    @property
    def updates(self) -> int:
        """Weight updates in an epoch."""
        return -(-self.examples // self.batch_size)

    @property
    def share(self) -> float:
        """The benchmark's epoch as a fraction of a real epoch."""
        return self.examples / self.epoch

    @property
    def flop(self) -> float:
        """Floating-point operations of an epoch's matrix products: three products per layer, two in the first."""
        return sum(2.0 * m * n * (2 if i == 0 else 3) for i, (m, n) in enumerate(self.shapes)) * self.examples

    def __str__(self) -> str:
        text = f"{'-'.join(map(str, self.sizes))}, batch {self.batch_size}"
        return text if self.share == 1 else f"{text}, {self.examples:,} images"


# η is small enough that rounding errors do not grow. Otherwise the weights of two rows could not be compared.
NETS = {
    "small": Net([30], batch_size=10, learning_rate=3.0),
    "middle": Net([512], batch_size=128, learning_rate=1.0),
    "wide": Net([2500, 2000, 1500, 1000, 500], batch_size=256, learning_rate=1.0, examples=2_560),
}


class Task(NamedTuple):
    """What a row is given.

    images: (60000, 784), float32 in 0..1.
    targets: (60000, 10), float32, one-hot.
    orders: (epochs, N), the indices of the images in the order of each epoch.
    weights: the initial weights.
    """

    net: Net
    images: Array
    targets: Array
    orders: Array
    weights: Weights


class Trained(NamedTuple):
    """What a row returns.

    seconds: of each epoch, including the first.
    weights: the trained weights; None if nothing was trained.
    """

    seconds: list[float]
    weights: Weights | None


class Outcome(NamedTuple):
    """The figures in which rows must agree.

    cost: the average cost over the training images.
    accuracy: over the training images.
    moved: |W - W0| of each layer.
    """

    cost: float
    accuracy: float
    moved: list[float]


def prepare(net: Net, epochs: int, path: Path) -> None:
    """Write the task to `path`. The order is that of the project's own data module for this seed."""
    from mnist_mlp.data.datamodule import MNISTData
    from mnist_mlp.data.dataset import load

    data = MNISTData(batch_size=net.batch_size, val_size=EPOCH - net.examples, normalize=False)
    data.setup()
    data.shuffle_seed = SEED
    loader = data.train_dataloader()
    orders = []
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        orders.append(loader.sampler.order().numpy())  # type: ignore[attr-defined]
    examples, _ = load()
    arrays = {
        "images": examples.images.numpy().reshape(-1, 784),
        "labels": examples.labels.numpy(),
        "orders": np.stack(orders),
        "net": np.array(json.dumps(asdict(net))),
    }
    for i, weight in enumerate(initial_weights(net)):
        arrays[f"weight{i}"] = weight
    np.savez(path, **arrays)  # type: ignore[arg-type]


def initial_weights(net: Net) -> list[Array]:
    """Draw W of each layer uniformly, as Glorot and Bengio (2010) do for tanh, times 4 in hidden sigmoid layers.

    Without the factor 4, a deep sigmoid net hardly changes in so few updates, and the rows would agree trivially.
    """
    rng = np.random.default_rng(SEED)
    last = len(net.shapes) - 1
    return [
        (rng.uniform(-1, 1, (m, n)) * np.sqrt(6 / (m + n)) * (1 if i == last else 4)).astype(np.float32)
        for i, (m, n) in enumerate(net.shapes)
    ]


def read(path: Path) -> Task:
    """Read the task, with pixels scaled to 0..1 as torchvision's ToTensor does; b is 0."""
    with np.load(path) as arrays:
        net = Net(**json.loads(str(arrays["net"])))
        weights = [(arrays[f"weight{i}"], np.zeros(m, np.float32)) for i, (m, _) in enumerate(net.shapes)]
        images = arrays["images"].astype(np.float32) / np.float32(255)
        return Task(net, images, np.eye(10, dtype=np.float32)[arrays["labels"]], arrays["orders"], weights)


def time_epochs(task: Task, epoch: Callable[[Array], object]) -> list[float]:
    """Return the seconds that `epoch(order)` takes for each of the task's orders."""
    seconds = []
    for order in task.orders:
        began = time.perf_counter()
        epoch(order)
        seconds.append(time.perf_counter() - began)
    return seconds


def outcome(task: Task, weights: Weights) -> Outcome:
    """Compute cost, accuracy and distances in numpy, for the weights of any row."""
    used = np.sort(task.orders[0])
    activations, targets = task.images[used], task.targets[used]
    for w, b in weights:
        activations = 1 / (1 + np.exp(-(activations @ w.T + b)))
    hits = activations.argmax(1) == targets.argmax(1)
    moved = [float(np.linalg.norm(w - w0)) for (w, _), (w0, _) in zip(weights, task.weights, strict=True)]
    return Outcome(float(np.square(activations - targets).mean()), float(hits.mean()), moved)
