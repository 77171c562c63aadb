"""Figure 8: what biases and the nonlinearity contribute on MNIST. Four nets, each but the first with one change.

The nets are trained here, with the project's model and Trainer.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from matplotlib.figure import Figure

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.figures.style import FAINT, LINE_STYLES, new_figure

ABLATIONS: dict[str, dict[str, Any]] = {  # name -> changed arguments of the net
    "sigmoid, with biases": {},
    "no biases": {"bias": False},
    "no nonlinearity": {"activation": "identity"},
    "tanh": {"activation": "tanh"},
}
HIDDEN = 100
LEARNING_RATE = 2.0  # all four nets learn at this rate; the rate with the lowest validation cost differs between them


class Ablation(NamedTuple):
    """The result of training one net.

    name: a key of ABLATIONS.
    costs: the average cost on the validation split after each epoch.
    test_cost: the average cost on the test split after the last epoch.
    test_accuracy: 0..1, after the last epoch.
    """

    name: str
    costs: list[float]
    test_cost: float
    test_accuracy: float


class _ValidationCosts(Callback):
    """Collects the validation cost of each epoch."""

    counts_blocks = True  # only looks, at whole epochs (fast/eligibility.py)

    def __init__(self) -> None:
        self.costs: list[float] = []

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.costs.append(float(trainer.callback_metrics["val/cost"]))


def train_ablation(name: str, data: MNISTData, seed: int, epochs: int) -> Ablation:
    """Train one net of ABLATIONS, from the initial weights of `seed`, and test it once, at the end.

    Args:
        name: a key of ABLATIONS.
        data: a new object, so that all nets see the images in the same order. It has a validation split.
        seed: of the initial weights.
        epochs: how many.
    """
    validation = _ValidationCosts()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FastSigmoidMLP([HIDDEN], learning_rate=LEARNING_RATE, **ABLATIONS[name])
        trainer = fit_on_cpu(net, epochs, validation, datamodule=data)
        trainer.test(net, datamodule=data, verbose=False)
    metrics = trainer.callback_metrics
    return Ablation(name, validation.costs, float(metrics["test/cost"]), float(metrics["test/accuracy"]))


def draw_ablations(ablations: Sequence[Ablation]) -> Figure:
    """Draw the nets' validation costs by epoch, and their test accuracies."""
    figure = new_figure(3.4)
    curves, points = figure.subplots(1, 2, width_ratios=[1.7, 1])
    for i, (run, style) in enumerate(zip(ablations, LINE_STYLES, strict=False)):
        percent = 100 * run.test_accuracy
        curves.plot(range(1, len(run.costs) + 1), run.costs, **style, markersize=5, label=run.name)
        points.plot(percent, i, color=style["color"], marker=style["marker"], clip_on=False)
        points.text(percent, i - 0.16, f"{percent:.1f}%", ha="center", va="bottom")
        points.axhline(i, color=FAINT, linewidth=0.8, zorder=0)
    curves.set(xlabel="epochs", ylabel="average cost, validation split", ylim=(0, None))
    curves.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper center", ncols=len(ablations), handlelength=3)
    low = 10 * math.floor(10 * min(run.test_accuracy for run in ablations) - 0.5)
    points.set(xlim=(max(0, low), 100), ylim=(len(ablations) - 0.5, -0.7), yticks=[], xlabel="test accuracy, %")
    return figure
