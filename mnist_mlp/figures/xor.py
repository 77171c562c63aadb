"""Figure 7: what small nets learn of XOR, with and without a nonlinearity and biases.

The nets are trained here, with the project's model and Trainer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from mnist_mlp.activations import ActivationName
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.loader import SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.figures.style import BLUE, INK, LIGHT_ORANGE, WHITE_BOX, new_figure

XOR = Examples(  # as images of two pixels
    torch.tensor([[[0, 0]], [[0, 255]], [[255, 0]], [[255, 255]]], dtype=torch.uint8), torch.tensor([0, 1, 1, 0])
)
XOR_NETS: list[tuple[ActivationName, bool]] = [  # the settings activation and bias
    (activation, bias) for bias in (True, False) for activation in ("identity", "sigmoid", "tanh")
]
HIDDEN = 4
LEARNING_RATE = 4.0
EPOCHS = 4
UPDATES_PER_EPOCH = 1_000
GRID = 121
UNDECIDED = 0.01  # the net is undecided if its two output activations differ by less


class XorResult(NamedTuple):
    """What a net with two inputs learns of XOR.

    activation: the σ of its hidden neurons.
    bias: whether it has biases.
    outputs: (4, 2) for the inputs 00, 01, 10 and 11.
    n_correct: how many of the four it classifies correctly.
    n_undecided: for how many of the four it is undecided.
    axis: (P,) values of each input.
    margin: (P, P) by second and first input, output neuron "1" minus output neuron "0". The decision boundary is
        where it is 0.
    """

    activation: str
    bias: bool
    outputs: Tensor
    n_correct: int
    n_undecided: int
    axis: Tensor
    margin: Tensor


def train_xor_net(activation: ActivationName, bias: bool, seed: int) -> XorResult:
    """Train a 2-4-2 net on XOR, full batch with a constant η, from the initial weights of `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FastSigmoidMLP(
            hidden_sizes=[HIDDEN],
            activation=activation,
            bias=bias,
            learning_rate=LEARNING_RATE,
            lr_schedule="constant",
            lr_warmup_epochs=0.0,
            engine="closed_form",
            n_inputs=2,
            n_outputs=2,
        )
        dataset = SplitDataset(XOR, torch.arange(4).repeat(UPDATES_PER_EPOCH), Preprocessing())
        loader = mini_batches(dataset, MiniBatchSampler(dataset.indices, 4, updates_per_step=100))
        fit_on_cpu(net, EPOCHS, train_dataloaders=loader)
    axis = torch.linspace(-0.5, 1.5, GRID)
    second, first = torch.meshgrid(axis, axis, indexing="ij")
    with torch.no_grad():
        outputs = net(Preprocessing()(XOR.images))
        grid_outputs = net(torch.stack([first, second], dim=-1).view(-1, 2))
    margin = outputs[:, 1] - outputs[:, 0]
    decided = margin.abs() >= UNDECIDED
    return XorResult(
        activation,
        bias,
        outputs,
        n_correct=int(((margin > 0) == (XOR.labels == 1))[decided].sum()),
        n_undecided=int((~decided).sum()),
        axis=axis,
        margin=(grid_outputs[:, 1] - grid_outputs[:, 0]).view(GRID, GRID),
    )


def draw_xor(results: Sequence[XorResult]) -> Figure:
    """Draw one panel per net, the nets with biases above those without."""
    columns = (len(results) + 1) // 2
    figure = new_figure(5.9)
    colours = LinearSegmentedColormap.from_list("margin", [BLUE, "white", LIGHT_ORANGE])
    panels = figure.subplots(2, columns, sharex=True, sharey=True)
    for axes, result in zip(panels.flat, results, strict=True):
        image = _draw_panel(axes, result, colours)
    for axes in panels[-1]:
        axes.set_xlabel("first input")
    for axes in panels[:, 0]:
        axes.set_ylabel("second input")
    bar = figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.5, aspect=40, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["the net says 0", "undecided", "the net says 1"])
    return figure


def _draw_panel(axes: Axes, result: XorResult, colours: Colormap) -> AxesImage:
    """Draw the margin as colours, the decision boundary, and the four examples with their labels."""
    axis, margin = result.axis.numpy(), result.margin.numpy()
    low, high = float(axis[0]), float(axis[-1])
    image = axes.imshow(margin, cmap=colours, vmin=-1, vmax=1, origin="lower", extent=(low, high, low, high))
    if float(result.margin.abs().max()) >= UNDECIDED and margin.min() < 0 < margin.max():
        axes.contour(axis, axis, margin, levels=[0.0], colors=INK, linewidths=1.6)
    margins = (result.outputs[:, 1] - result.outputs[:, 0]).tolist()
    for pixels, label, value in zip(XOR.images.flatten(1).tolist(), XOR.labels.tolist(), margins, strict=True):
        x, y = (pixel / 255 for pixel in pixels)
        axes.plot(x, y, "o", markersize=13, markerfacecolor="white", markeredgecolor=INK)
        axes.text(x, y, str(label), ha="center", va="center_baseline", weight="bold")
        if abs(value) < UNDECIDED or (value > 0) != (label == 1):
            text = "undecided" if abs(value) < UNDECIDED else "wrong"
            axes.annotate(text, (x, y), xytext=(0, -18), textcoords="offset points", ha="center", bbox=WHITE_BOX)
    name = "no nonlinearity" if result.activation == "identity" else result.activation
    axes.set_title(f"{name},\n{'with' if result.bias else 'without'} biases: {result.n_correct} of 4 right")
    axes.set(xticks=[0, 1], yticks=[0, 1])
    return image
