"""TODO figures.sigmoid."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.figures.style import FAINT, STYLES, new_figure, short

# 6. The sigmoid


class Sigmoids(NamedTuple):
    """x: (P,). by_weight, by_bias: σ(w x) and σ(x + b), (P,), by w and by b."""

    x: Tensor
    by_weight: dict[float, Tensor]
    by_bias: dict[float, Tensor]


def sigmoids() -> Sigmoids:
    """Figure 6: what the weight and the bias of a sigmoid neuron with one input do."""
    x = torch.arange(-80, 81, dtype=torch.float64) / 10
    return Sigmoids(
        x,
        {w: torch.sigmoid(w * x) for w in (0.5, 1.0, 3.0)},
        {b: torch.sigmoid(x + b) for b in (-3.0, 0.0, 3.0)},
    )


def draw_sigmoids(curves: Sigmoids) -> Figure:
    """Figure 6: what a weight does to the sigmoid, and what a bias does."""
    figure = new_figure(2.8)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, name, family in (
        (panels[0], "the weight makes it steeper: σ(w x)", "w", curves.by_weight),
        (panels[1], "the bias moves it: σ(x + b)", "b", curves.by_bias),
    ):
        for i, ((value, a), style) in enumerate(zip(family.items(), STYLES, strict=False)):
            axes.plot(
                curves.x.tolist(),
                a.tolist(),
                **style,
                markevery=(5 * i, 20),
                markersize=4,
                label=f"{name} = {short(value)}",
            )
        axes.axhline(0.5, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.set(title=title, xlabel="x, the activation of the one input")
        axes.legend(loc="upper left")
    panels[0].set_ylabel("activation a")
    return figure
