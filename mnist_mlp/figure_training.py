"""The numbers of the article's figures 5 to 8: the gradient, and what bias and nonlinearity are for.

One function per figure. The nets of figures 7 and 8 are trained here, by this project's own model and Trainer, on the
CPU, so that the same seed gives the same numbers. mnist_mlp/figure_drawing.py draws what the functions return.
"""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from mnist_mlp.backprop import Layer, gradient_descent
from mnist_mlp.batches import Inputs, MiniBatches
from mnist_mlp.data import MNISTData
from mnist_mlp.dataset import Examples
from mnist_mlp.figure_example import training_files
from mnist_mlp.layers import copy_of, layers_of, propagate, sigma
from mnist_mlp.model import ActivationName, SigmoidMLP
from mnist_mlp.train import quieten
from mnist_mlp.trained import Trained

COST_CURVE_IMAGES = 5_000
COST_CURVE_POINTS = 121

# 5. The cost against one weight


class Tangent(NamedTuple):
    """At the weight's value w: the average cost there, dC/dw by back propagation, and the step -η dC/dw."""

    w: float
    cost: float
    slope: float
    step: float


class CostCurve(NamedTuple):
    """The average cost over `images` training images for values of one weight, from neuron `source` of the layer
    below to the output neuron `digit`; all other weights and biases as they are.

    weight: the trained net's own. gradient: dC/dw there. values, costs: (P,). eta: the run's learning rate.
    """

    digit: int
    source: int
    below: str
    weight: float
    gradient: float
    values: Tensor
    costs: Tensor
    tangents: list[Tangent]
    eta: float
    images: int


def cost_against_a_weight(trained: Trained, data: MNISTData, images: int = COST_CURVE_IMAGES) -> CostCurve:
    """Figure 5: C(w) for the weight of the output layer with the largest |dC/dw|, on the first training images.

    The frame around the trained net's weight is doubled until the cost at one of its ends is four times that in the
    middle, from ±1 up to ±16. The tangents are at six tenths of the way to its ends.
    """
    examples, indices = training_files(data), data.train_indices[:images]
    x, labels = trained.inputs(examples.images[indices]).double(), examples.labels[indices]
    eta = float(trained.net.hparams["learning_rate"])
    layers = layers_of(trained.net, torch.float64)
    gradient = _output_gradient(trained.net, layers, x, labels)
    j, k = divmod(int(gradient.abs().argmax()), gradient.shape[1])
    w = float(layers[-1].weight[j, k])
    states = propagate(layers, x)
    below = states[-2].a if len(layers) > 1 else x

    def cost(value: float) -> float:
        """Only z of neuron j depends on this weight."""
        a = states[-1].a.clone()
        z = states[-1].z[:, j] + (value - w) * below[:, k]
        a[:, j] = sigma(layers[-1].activation, z)
        return float(trained.net.cost(a, labels).mean())

    reach = 1.0
    while reach < 16 and max(cost(w - reach), cost(w + reach)) < 4 * cost(w):
        reach *= 2
    tangents = []
    for value in (w - 0.6 * reach, w + 0.6 * reach):
        layers[-1].weight[j, k] = value
        slope = float(_output_gradient(trained.net, layers, x, labels)[j, k])
        tangents.append(Tangent(value, cost(value), slope, -eta * slope))
    values = torch.linspace(w - reach, w + reach, COST_CURVE_POINTS, dtype=torch.float64)
    costs = torch.tensor([cost(value) for value in values.tolist()], dtype=torch.float64)
    kind = "hidden neuron" if len(layers) > 1 else "pixel"
    return CostCurve(j, k, kind, w, float(gradient[j, k]), values, costs, tangents, eta, len(x))


def _output_gradient(net: SigmoidMLP, layers: Sequence[Layer], x: Tensor, labels: Tensor) -> Tensor:
    """dC/dW of the output layer, from a weight update that training's own back propagation makes with η = 1."""
    updated = copy_of(layers)
    y = net.targets(labels, x.dtype)
    gradient_descent(updated, x, y, [1.0], batch_size=len(x), cost=net.hparams["cost_function"])
    return layers[-1].weight - updated[-1].weight


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


def fit_on_cpu(net: SigmoidMLP, epochs: int, *callbacks: Callback, **data: Any) -> L.Trainer:
    """Train without leaving anything on the disk.

    Raises:
        KeyboardInterrupt: by Ctrl-C.
    """
    quieten()
    warnings.filterwarnings("ignore", message=".*(have no `val_dataloader`|available but not used).*")
    trainer = L.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
    )
    try:
        trainer.fit(net, **data)
    except SystemExit as interrupted:  # how Lightning ends a run that Ctrl-C interrupted
        raise KeyboardInterrupt from interrupted
    return trainer


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
        net = SigmoidMLP(
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
            net, XOR_EPOCHS, train_dataloaders=MiniBatches(XOR, again_and_again, 4, Inputs(), updates_per_step=100)
        )
    axis = torch.linspace(-0.5, 1.5, XOR_GRID)
    second, first = torch.meshgrid(axis, axis, indexing="ij")
    with torch.no_grad():
        outputs = net(Inputs()(XOR.images))
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
        net = SigmoidMLP([ABLATION_HIDDEN], learning_rate=ABLATION_LEARNING_RATE, **ABLATIONS[name])
        trainer = fit_on_cpu(net, epochs, watch, datamodule=data)
        trainer.test(net, datamodule=data, verbose=False)
    metrics = trainer.callback_metrics
    return Ablation(name, watch.costs, float(metrics["test/cost"]), float(metrics["test/accuracy"]))
