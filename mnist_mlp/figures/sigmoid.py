"""Figure 6: what the weight and the bias of a sigmoid neuron with one input do."""

from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.figures.style import FAINT, LINE_STYLES, format_short, new_figure

WEIGHTS = (0.5, 1.0, 3.0)
BIASES = (-3.0, 0.0, 3.0)


class Sigmoids(NamedTuple):
    """Two families of curves.

    x: (P,) the input.
    by_weight: w -> σ(w x), (P,).
    by_bias: b -> σ(x + b), (P,).
    """

    x: Tensor
    by_weight: dict[float, Tensor]
    by_bias: dict[float, Tensor]


def compute_sigmoids() -> Sigmoids:
    """Compute the sigmoid for three weights and for three biases, on x from -8 to 8."""
    x = torch.arange(-80, 81, dtype=torch.float64) / 10
    return Sigmoids(x, {w: torch.sigmoid(w * x) for w in WEIGHTS}, {b: torch.sigmoid(x + b) for b in BIASES})


def draw_sigmoids(curves: Sigmoids) -> Figure:
    """Draw both families side by side."""
    figure = new_figure(2.8)
    panels = figure.subplots(1, 2, sharey=True)
    for axes, title, name, family in (
        (panels[0], "the weight sets the slope: σ(w x)", "w", curves.by_weight),
        (panels[1], "the bias shifts the curve: σ(x + b)", "b", curves.by_bias),
    ):
        for i, ((value, a), style) in enumerate(zip(family.items(), LINE_STYLES, strict=False)):
            axes.plot(
                curves.x.tolist(),
                a.tolist(),
                **style,
                markevery=(5 * i, 20),
                markersize=4,
                clip_on=False,
                label=f"{name} = {format_short(value)}",
            )
        axes.axhline(0.5, color=FAINT, linewidth=0.8, zorder=0)
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
        axes.set(title=title, xlabel="input x", ylim=(0, 1))
        axes.legend(loc="upper left")
    panels[0].set_ylabel("activation a")
    return figure
