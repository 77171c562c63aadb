"""TODO figures.ablations."""

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
from mnist_mlp.figures.style import FAINT, STYLES, new_figure

# 8. Ablations on MNIST

ABLATIONS: dict[str, dict[str, Any]] = {
    "sigmoid, with biases": {},
    "no biases": {"bias": False},
    "no nonlinearity": {"activation": "identity"},
    "tanh": {"activation": "tanh"},
}
ABLATION_HIDDEN = 100
ABLATION_LEARNING_RATE = 2.0  # with which all four learn; by its validation cost, each has a better one of its own
ABLATION_EPOCHS = 5


class Ablation(NamedTuple):
    """costs: the average over the validation split after each epoch. test_cost, test_accuracy: after the last one."""

    name: str
    costs: list[float]
    test_cost: float
    test_accuracy: float


class _Costs(Callback):
    def __init__(self) -> None:
        self.costs: list[float] = []

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.costs.append(float(trainer.callback_metrics["val/cost"]))


def ablation(name: str, data: MNISTData, seed: int, epochs: int = ABLATION_EPOCHS) -> Ablation:
    """One net of figure 8, of `ABLATIONS`: 100 hidden neurons, from `seed`, but for its one change all the same.

    The test split is read once, at the end.

    Args:
        data: fresh, so that all meet the images in the same order; with a validation split.
    """
    watch = _Costs()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FastSigmoidMLP([ABLATION_HIDDEN], learning_rate=ABLATION_LEARNING_RATE, **ABLATIONS[name])
        trainer = fit_on_cpu(net, epochs, watch, datamodule=data)
        trainer.test(net, datamodule=data, verbose=False)
    metrics = trainer.callback_metrics
    return Ablation(name, watch.costs, float(metrics["test/cost"]), float(metrics["test/accuracy"]))


def draw_ablations(ablations: Sequence[Ablation]) -> Figure:
    """Figure 8: cost curves of nets with one change each, and their test accuracy."""
    figure = new_figure(3.4)
    curves, points = figure.subplots(1, 2, width_ratios=[1.7, 1])
    for i, (run, style) in enumerate(zip(ablations, STYLES, strict=False)):
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
