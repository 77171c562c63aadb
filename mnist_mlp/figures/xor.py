"""Figure 7: one neuron learns AND and OR, not XOR. Small nets on XOR, with and without a nonlinearity and biases.

All are trained here, the neuron by the equations of backprop.py, the nets by the project's model and Trainer.
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
from mnist_mlp.backprop import Layer, forward, gradient, update
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.loader import SplitDataset, mini_batches
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.data.sampler import MiniBatchSampler
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.figures.style import BLUE, INK, LIGHT_ORANGE, WHITE_BOX, format_decimals, new_figure, weight_name

XOR = Examples(  # as images of two pixels
    torch.tensor([[[0, 0]], [[0, 255]], [[255, 0]], [[255, 255]]], dtype=torch.uint8), torch.tensor([0, 1, 1, 0])
)
LOGIC = {"AND": (0, 0, 0, 1), "OR": (0, 1, 1, 1), "XOR": (0, 1, 1, 0)}  # of the inputs 00, 01, 10 and 11
NEURON_UPDATES = 2_000
XOR_NETS: list[tuple[ActivationName, bool]] = [  # the settings activation and bias
    (activation, bias) for bias in (True, False) for activation in ("identity", "sigmoid", "tanh")
]
HIDDEN = 4
LEARNING_RATE = 4.0
EPOCHS = 4
UPDATES_PER_EPOCH = 1_000
GRID = 121
AXIS = -0.5, 1.5  # of each input
UNDECIDED = 0.01  # the net is undecided if its two output activations differ by less


class Separation(NamedTuple):
    """What one sigmoid neuron, number 3 on the inputs 1 and 2, learns of a function of two inputs.

    name: a key of LOGIC.
    labels: (4,) its values for the inputs 00, 01, 10 and 11.
    weights: w31 and w32.
    bias: b.
    outputs: (4,) the neuron's activations. It says 1 if its activation is above 1/2, on one side of the line
        w31 x1 + w32 x2 + b = 0.
    """

    name: str
    labels: tuple[int, ...]
    weights: tuple[float, float]
    bias: float
    outputs: Tensor

    @property
    def margins(self) -> list[float]:
        """From -1 for a certain 0 to 1 for a certain 1, for each of the four inputs."""
        return (2 * self.outputs - 1).tolist()


def train_neuron(name: str, seed: int) -> Separation:
    """Train one neuron on a function of LOGIC, full batch, from random weights between -1 and 1."""
    inputs = XOR.images.flatten(1).double() / 255
    generator = torch.Generator().manual_seed(seed)
    weight, bias = (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1 for shape in ((1, 2), (1,)))
    layers = [Layer(weight, bias, "sigmoid")]
    targets = torch.tensor(LOGIC[name], dtype=torch.float64)[:, None]
    for _ in range(NEURON_UPDATES):
        layers = update(layers, gradient(layers, inputs, targets), LEARNING_RATE)
    w1, w2 = layers[0].weight[0].tolist()
    assert layers[0].bias is not None
    return Separation(name, LOGIC[name], (w1, w2), float(layers[0].bias), forward(layers, inputs)[-1].a[0])


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
    axis = torch.linspace(*AXIS, GRID)
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


def draw_xor(separations: Sequence[Separation], results: Sequence[XorResult]) -> Figure:
    """Draw one panel per neuron, then one per net, the nets with biases above those without."""
    columns = (len(results) + 1) // 2
    figure = new_figure(8.2)
    colours = LinearSegmentedColormap.from_list("margin", [LIGHT_ORANGE, "white", BLUE])
    panels = figure.subplots(3, columns, sharex=True, sharey=True)
    for axes, separation in zip(panels[0], separations, strict=True):
        _draw_separation(axes, separation, colours)
    for axes, result in zip(panels[1:].flat, results, strict=True):
        image = _draw_net(axes, result, colours)
    for axes in panels[-1]:
        axes.set_xlabel("first input")
    for axes in panels[:, 0]:
        axes.set_ylabel("second input")
    bar = figure.colorbar(image, ax=panels, orientation="horizontal", shrink=0.5, aspect=40, ticks=[-1, 0, 1])
    bar.ax.set_xticklabels(["it says 0", "undecided", "it says 1"])
    return figure


def _draw_separation(axes: Axes, separation: Separation, colours: Colormap) -> None:
    """Draw the neuron's activation as colours, the line that separates its answers, and the four examples."""
    (w1, w2), b = separation.weights, separation.bias
    axis = torch.linspace(*AXIS, GRID, dtype=torch.float64)
    second, first = torch.meshgrid(axis, axis, indexing="ij")
    _draw_margin(axes, axis, 2 * torch.sigmoid(w1 * first + w2 * second + b) - 1, colours)
    _draw_examples(axes, separation.labels, separation.margins)
    numbers = f"{weight_name(3, 1)} = {format_decimals(w1, 2)}, {weight_name(3, 2)} = {format_decimals(w2, 2)}"
    right = sum(_answer(margin) == label for margin, label in zip(separation.margins, separation.labels, strict=True))
    axes.set_title(f"one neuron, {separation.name}: {right} of 4 right\n{numbers}", fontsize=9)


def _draw_net(axes: Axes, result: XorResult, colours: Colormap) -> AxesImage:
    """Draw the net's margin as colours, the decision boundary, and the four examples."""
    image = _draw_margin(axes, result.axis, result.margin, colours)
    _draw_examples(axes, XOR.labels.tolist(), (result.outputs[:, 1] - result.outputs[:, 0]).tolist())
    name = "no nonlinearity" if result.activation == "identity" else result.activation
    biases = "with" if result.bias else "without"
    axes.set_title(f"XOR, {name},\n{biases} biases: {result.n_correct} of 4 right")
    return image


def _draw_margin(axes: Axes, axis: Tensor, margin: Tensor, colours: Colormap) -> AxesImage:
    """Draw a margin (P, P) as colours, with a line where it is 0, unless it is small everywhere."""
    low, high = float(axis[0]), float(axis[-1])
    image = axes.imshow(margin.numpy(), cmap=colours, vmin=-1, vmax=1, origin="lower", extent=(low, high, low, high))
    if float(margin.abs().max()) >= UNDECIDED and margin.min() < 0 < margin.max():
        axes.contour(axis.numpy(), axis.numpy(), margin.numpy(), levels=[0.0], colors=INK, linewidths=1.6)
    axes.set(xticks=[0, 1], yticks=[0, 1])
    return image


def _draw_examples(axes: Axes, labels: Sequence[int], margins: Sequence[float]) -> None:
    """Draw the four examples with their labels, and what is wrong with an answer."""
    for pixels, label, margin in zip(XOR.images.flatten(1).tolist(), labels, margins, strict=True):
        x, y = (pixel / 255 for pixel in pixels)
        axes.plot(x, y, "o", markersize=13, markerfacecolor="white", markeredgecolor=INK)
        axes.text(x, y, str(label), ha="center", va="center_baseline", weight="bold")
        if (answer := _answer(margin)) != label:
            text = "undecided" if answer is None else "wrong"
            axes.annotate(text, (x, y), xytext=(0, -18), textcoords="offset points", ha="center", bbox=WHITE_BOX)


def _answer(margin: float) -> int | None:
    """Return the answer, 0 or 1, or None for undecided."""
    return None if abs(margin) < UNDECIDED else int(margin > 0)
