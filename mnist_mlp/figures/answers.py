"""Figure 3: the output activations for the example, before and after training."""

from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.figures.example import Example
from mnist_mlp.figures.style import BLUE, INK, end_at, format_decimals, new_figure, show_digit
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP


class Outputs(NamedTuple):
    """The output activations of two nets.

    untrained: (10,) with the initial weights of `seed`.
    trained: (10,).
    seed: of the initial weights.
    """

    untrained: Tensor
    trained: Tensor
    seed: int


def compute_outputs(trained: Trained, example: Example, seed: int) -> Outputs:
    """Compute the output activations of the untrained and of the trained net."""
    untrained = trained._replace(net=untrained_net(trained, seed))
    image = example.image[None]
    return Outputs(untrained.activations(image)[0], trained.activations(image)[0], seed)


def untrained_net(trained: Trained, seed: int) -> SigmoidMLP:
    """Return a net with the same settings and new weights. The run's seed gives the run's initial weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SigmoidMLP(**trained.model).eval()


def draw_outputs(outputs: Outputs, example: Example) -> Figure:
    """Draw the example and one bar chart for each net."""
    figure = new_figure(2.9)
    thumbnail, *panels = figure.subplots(1, 3, width_ratios=[1, 1.7, 1.7])
    show_digit(thumbnail, example)
    both = torch.stack([outputs.untrained, outputs.trained])
    low, high = min(0.0, float(both.min())), max(1.0, float(both.max()))
    # Room for the numbers beside the bars: 0.25 of the axis for "0.123".
    room = max(0.25, 0.05 * max(len(format_decimals(a)) for a in both.flatten().tolist()))
    for axes, title, activations in zip(panels, (f"untrained (seed {outputs.seed})", "trained"), both, strict=True):
        _draw_bars(axes, activations, (low, high), title)
        axes.set_xlim(low, high + room * (high - low))
    panels[0].set_ylabel("output neuron")
    return figure


def _draw_bars(axes: Axes, activations: Tensor, limits: tuple[float, float], title: str) -> None:
    """Draw a bar for each output neuron; the largest is black."""
    low, high = limits
    guess = int(activations.argmax())
    axes.barh(
        range(len(activations)),
        activations.tolist(),
        color=[INK if digit == guess else BLUE for digit in range(len(activations))],
    )
    for digit, a in enumerate(activations.tolist()):
        weight = "bold" if digit == guess else "normal"
        axes.text(max(a, 0) + 0.016 * (high - low), digit, format_decimals(a), va="center", weight=weight)
    axes.set_yticks(range(len(activations)))
    end_at(axes.xaxis, low, high)
    axes.invert_yaxis()
    axes.set(title=f"{title}\nthe guess is {guess}", xlabel="activation")
