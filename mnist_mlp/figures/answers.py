"""TODO figures.answers."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import BLUE, ORANGE, decimal, new_figure, show_digit
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP

# 3. Before and after training


class Answers(NamedTuple):
    """The output activations, (10,) each, of the net as it was drawn with a seed, and of the trained one."""

    untrained: Tensor
    trained: Tensor
    seed: int


def untrained_net(trained: Trained, seed: int) -> SigmoidMLP:
    """A net of the same settings, freshly drawn: with the run's seed, the one that the run began with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SigmoidMLP(**trained.model).eval()


def before_and_after(trained: Trained, example: Example, seed: int) -> Answers:
    """Figure 3: what an untrained and the trained net answer to the example."""
    before = trained._replace(net=untrained_net(trained, seed)).activations(example.image[None])[0]
    return Answers(before, trained.activations(example.image[None])[0], seed)


def draw_answers(answers: Answers, example: Example) -> Figure:
    """Figure 3: the ten output activations before and after training."""
    figure = new_figure(2.9)
    thumbnail, *panels = figure.subplots(1, 3, width_ratios=[1, 1.7, 1.7])
    show_digit(thumbnail, example)
    titles = f"untrained (seed {answers.seed})", "trained"
    both = torch.stack([answers.untrained, answers.trained])
    low, high = min(0.0, float(both.min())), max(1.0, float(both.max()))
    for axes, title, activations in zip(panels, titles, both, strict=True):
        guess = int(activations.argmax())
        axes.barh(
            range(len(activations)),
            activations.tolist(),
            color=[ORANGE if digit == guess else BLUE for digit in range(len(activations))],
            hatch=["///" if digit == guess else "" for digit in range(len(activations))],
            edgecolor="white",
        )
        for digit, a in enumerate(activations.tolist()):
            bold = "bold" if digit == guess else "normal"
            axes.text(max(a, 0) + 0.02 * (high - low), digit, decimal(a), va="center", weight=bold)
        axes.set(xlim=(low, high + 0.25 * (high - low)), yticks=range(len(activations)))
        axes.locator_params(axis="x", nbins=4)
        axes.invert_yaxis()
        axes.set(title=f"{title}: the guess is {guess}", xlabel="activation")
    panels[0].set_ylabel("output neuron")
    return figure
