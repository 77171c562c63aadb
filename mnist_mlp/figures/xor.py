"""The numbers of the article's figures 5 to 8: the gradient, and what bias and nonlinearity are for.

One function per figure. The nets of figures 7 and 8 are trained here, by this project's own model and Trainer, on the
CPU, so that the same seed gives the same numbers. mnist_mlp/figure_drawing.py draws what the functions return.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

from mnist_mlp.activations import ActivationName
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.loader import MiniBatches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.figures.style import BLUE, BOX, INK, LIGHT_ORANGE, new_figure

# 7. XOR

XOR = Examples(  # as images of two pixels, paper or ink
    torch.tensor([[[0, 0]], [[0, 255]], [[255, 0]], [[255, 255]]], dtype=torch.uint8), torch.tensor([0, 1, 1, 0])
)
XOR_NETS: list[tuple[ActivationName, bool]] = [
    (activation, bias) for bias in (True, False) for activation in ("identity", "sigmoid", "tanh")
]
XOR_HIDDEN = 4
XOR_LEARNING_RATE = 4.0
XOR_UPDATES, XOR_EPOCHS = 1_000, 4  # an epoch meets the four examples so often
XOR_GRID = 121
UNDECIDED = 0.01  # output activations that differ by less are no answer


class Boundary(NamedTuple):
    """What a net with two inputs learned of XOR.

    activation, bias: its settings. outputs: (4, 2) for the inputs 00, 01, 10 and 11. right, undecided: of the four.
    axis: (P,) values of each input. lead: (P, P), by second and first input, how much the output neuron "1" is above
    the neuron "0"; its zero is the boundary.
    """

    activation: str
    bias: bool
    outputs: Tensor
    right: int
    undecided: int
    axis: Tensor
    lead: Tensor


def xor(activation: ActivationName, bias: bool, seed: int) -> Boundary:
    """One net of figure 7: two inputs, four hidden neurons, two outputs; full batch, a constant η, from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FastSigmoidMLP(
            hidden_sizes=[XOR_HIDDEN],
            activation=activation,
            bias=bias,
            learning_rate=XOR_LEARNING_RATE,
            lr_schedule="constant",
            lr_warmup_epochs=0.0,
            engine="closed_form",
            n_inputs=2,
            n_outputs=2,
        )
        again_and_again = torch.arange(4).repeat(XOR_UPDATES)
        fit_on_cpu(
            net,
            XOR_EPOCHS,
            train_dataloaders=MiniBatches(XOR, again_and_again, 4, Preprocessing(), updates_per_step=100),
        )
    axis = torch.linspace(-0.5, 1.5, XOR_GRID)
    second, first = torch.meshgrid(axis, axis, indexing="ij")
    with torch.no_grad():
        outputs = net(Preprocessing()(XOR.images))
        of_grid = net(torch.stack([first, second], dim=-1).view(-1, 2))
    lead = outputs[:, 1] - outputs[:, 0]
    decided = lead.abs() >= UNDECIDED
    return Boundary(
        activation,
        bias,
        outputs,
        right=int(((lead > 0) == (XOR.labels == 1))[decided].sum()),
        undecided=int((~decided).sum()),
        axis=axis,
        lead=(of_grid[:, 1] - of_grid[:, 0]).view(XOR_GRID, XOR_GRID),
    )


def draw_xor(boundaries: Sequence[Boundary]) -> Figure:
    """Figure 7: XOR, the nets with biases above those without."""
    columns = (len(boundaries) + 1) // 2
    figure = new_figure(5.9)
    shades = LinearSegmentedColormap.from_list("answers", [BLUE, "white", LIGHT_ORANGE])
    panels = figure.subplots(2, columns, sharex=True, sharey=True)
    for axes, b in zip(panels.flat, boundaries, strict=True):
        extent = 2 * (float(b.axis[0]), float(b.axis[-1]))
        drawn = axes.imshow(b.lead.numpy(), cmap=shades, vmin=-1, vmax=1, origin="lower", extent=extent)
        if float(b.lead.abs().max()) >= UNDECIDED:
            axes.contour(b.axis.numpy(), b.axis.numpy(), b.lead.numpy(), levels=[0.0], colors=INK, linewidths=1.6)
        leads = (b.outputs[:, 1] - b.outputs[:, 0]).tolist()
        for pixels, label, lead in zip(XOR.images.flatten(1).tolist(), XOR.labels.tolist(), leads, strict=True):
            x, y = (pixel / 255 for pixel in pixels)
            axes.plot(x, y, "o", markersize=13, markerfacecolor="white", markeredgecolor=INK)
            axes.text(x, y, str(label), ha="center", va="center_baseline", weight="bold")
            if abs(lead) < UNDECIDED or (lead > 0) != (label == 1):
                text = "undecided" if abs(lead) < UNDECIDED else "wrong"
                axes.annotate(text, (x, y), xytext=(0, -18), textcoords="offset points", ha="center", bbox=BOX)
        name = "no nonlinearity" if b.activation == "identity" else b.activation
        axes.set_title(f"{name},\n{'with' if b.bias else 'without'} biases: {b.right} of 4 right")
        axes.set(xticks=[0, 1], yticks=[0, 1])
    for axes in panels[-1]:
        axes.set_xlabel("first input")
    for axes in panels[:, 0]:
        axes.set_ylabel("second input")
    bar = figure.colorbar(drawn, ax=panels, orientation="horizontal", shrink=0.5, aspect=40, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["the net says 0", "undecided", "the net says 1"])
    return figure
