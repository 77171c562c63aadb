"""The numbers of the article's figures 1 to 4: a trained net and one real image, in forward propagation.

One function per figure, each without side effects. mnist_mlp/figure_drawing.py draws what they return.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mnist_mlp.data import MNISTData
from mnist_mlp.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.layers import layers_of, propagate
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.trained import Trained

# What figure 1 has room for; of a deeper net, the middle layers are left out.
COLUMNS = 5
NEURONS = 12
LINES = 40

TERMS = 8  # of the sum in figure 2


class Example(NamedTuple):
    """image: (28, 28) uint8. label: the digit. place: in the training files, from 0 on. split: its name."""

    image: Tensor
    label: int
    place: int
    split: str


def training_files(data: MNISTData) -> Examples:
    """The training and validation images, all that `data.train_indices` and `data.val_indices` point at."""
    data.setup()
    return data.train_dataloader().examples


def choose_example(trained: Trained, data: MNISTData, digit: int) -> Example:
    """One image of `digit` for all figures: guessed right, but not without doubt, so that not all numbers are 0 or 1.

    Of the validation images of this digit (of the training images, if it is not among them), it is the first that is
    guessed right while a second output neuron goes more than a tenth of the way from "no" to "yes"; if there is none
    such, the first that is guessed right, else the first.

    Raises:
        InputError: there is no image of the digit.
    """
    examples = training_files(data)
    splits = {"validation": data.val_indices, "training": data.train_indices}
    shows = {split: indices[examples.labels[indices] == digit] for split, indices in splits.items()}
    split = next((split for split, indices in shows.items() if len(indices)), None)
    if split is None:
        raise InputError(f"no image of what the net was trained on shows a {digit}; give another --digit.")
    indices = shows[split]
    activations = trained.activations(examples.images[indices])
    no, yes = trained.net.hparams["target_values"]
    right = activations.argmax(dim=1) == digit
    doubt = activations.topk(2).values[:, 1] > no + (yes - no) / 10
    place = int((right.int() + (right & doubt).int()).argmax())  # the first of the largest
    return Example(examples.images[indices[place]], digit, int(indices[place]), split)


# 1. The net


class Column(NamedTuple):
    """Some neurons of a layer. layer: 0 are the input neurons. size: how many it has in all. function: its σ.

    neurons: (n,) which, in order. activations: (n,).
    """

    layer: int
    size: int
    function: str
    neurons: Tensor
    activations: Tensor


class Connection(NamedTuple):
    """From a neuron of a layer to one of the next, each by its place among those of its column."""

    layer: int
    start: int
    end: int
    weight: float


class Net(NamedTuple):
    """columns: from the input to the output layer. connections: the strongest, weakest first. paper, ink: the
    activations of such pixels."""

    columns: list[Column]
    connections: list[Connection]
    paper: float
    ink: float


def net_at_work(trained: Trained, example: Example) -> Net:
    """Figure 1: some neurons of each layer with their activations for the example, and the strongest weights between.

    All output neurons; of the layer below those with the largest weights to them, by Σ |w|; and so on, down to the
    pixels.
    """
    layers = layers_of(trained.net)
    inputs = trained.inputs(example.image[None])[0]
    activations = [inputs, *(state.a for state in propagate(layers, inputs))]
    numbers = list(range(len(activations)))
    if len(numbers) > COLUMNS:
        numbers = [*numbers[: COLUMNS // 2], *numbers[-(COLUMNS - COLUMNS // 2) :]]
    columns: list[Column] = []
    connections: list[Connection] = []
    for number in reversed(numbers):
        a = activations[number]
        neurons = torch.arange(min(len(a), NEURONS))
        if number < len(layers):
            weight = layers[number].weight
            above = columns[0] if columns[0].layer == number + 1 else None
            if above is not None:
                weight = weight[above.neurons]
            neurons = weight.abs().sum(dim=0).topk(len(neurons)).indices.sort().values
            if above is not None:
                connections += _strongest(number, weight[:, neurons])
        function = layers[number - 1].activation if number else "pixel"
        columns.insert(0, Column(number, len(a), function, neurons, a[neurons]))
    by_weight = sorted(connections, key=lambda line: abs(line.weight))
    return Net(columns, by_weight, trained.inputs.paper, trained.inputs.ink)


def _strongest(layer: int, weight: Tensor) -> list[Connection]:
    """Of the weights (m, n), the largest ones by amount."""
    m, n = weight.shape
    places = weight.abs().flatten().topk(min(LINES, m * n)).indices.tolist()
    return [Connection(layer, place % n, place // n, float(weight[place // n, place % n])) for place in places]


# 2. One neuron


class Term(NamedTuple):
    """source: the number of the neuron below. product: activation times weight."""

    source: int
    activation: float
    weight: float
    product: float


class Neuron(NamedTuple):
    """An output neuron: z = the products of all neurons below + the bias, a = σ(z).

    terms: the largest products by amount, in that order. n_others, others: how many more there are, and their sum.
    """

    digit: int
    function: str
    below: str
    terms: list[Term]
    n_others: int
    others: float
    bias: float | None
    z: float
    a: float


def one_neuron(trained: Trained, example: Example) -> Neuron:
    """Figure 2: the output neuron of the example's digit."""
    layers = layers_of(trained.net, torch.float64)
    inputs = trained.inputs(example.image[None])[0].double()
    states = propagate(layers, inputs)
    below = states[-2].a if len(layers) > 1 else inputs
    weight, bias, function = layers[-1]
    w = weight[example.label]
    products = w * below
    largest = products.abs().sort(descending=True, stable=True).indices[:TERMS]
    return Neuron(
        digit=example.label,
        function=function,
        below="hidden neuron" if len(layers) > 1 else "pixel",
        terms=[Term(int(k), float(below[k]), float(w[k]), float(products[k])) for k in largest],
        n_others=len(products) - len(largest),
        others=float(products.sum() - products[largest].sum()),
        bias=None if bias is None else float(bias[example.label]),
        z=float(states[-1].z[example.label]),
        a=float(states[-1].a[example.label]),
    )


def rounded_to_add_up(parts: Sequence[float], decimals: int, balance: int) -> list[float]:
    """The parts rounded, but the one at place `balance` such that all together are the rounded sum."""
    unit = 10**decimals
    whole = [round(part * unit) for part in parts]
    whole[balance] += round(sum(parts) * unit) - sum(whole)
    return [number / unit for number in whole]


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


# 4. The cost


class Cost(NamedTuple):
    """a, y, terms: (10,) of each output neuron; `cost` is their mean. function: "mse" or "cross_entropy".

    training_costs: (N,) of the training images, undeformed; `average` is their mean, C(w).
    """

    a: Tensor
    y: Tensor
    terms: Tensor
    cost: float
    function: str
    training_costs: Tensor
    average: float


def cost_term_by_term(trained: Trained, example: Example, data: MNISTData) -> Cost:
    """Figure 4: the cost of the example, and the average cost over the training set."""
    net, function = trained.net, trained.net.hparams["cost_function"]
    a = trained.activations(example.image[None]).double()
    label = torch.tensor([example.label])
    y = net.targets(label, a.dtype)
    terms = net.cost_terms(a, y)
    examples = training_files(data)
    costs = net.cost(
        trained.activations(examples.images[data.train_indices]).double(), examples.labels[data.train_indices]
    )
    return Cost(a[0], y[0], terms[0], float(net.cost(a, label)), function, costs, float(costs.mean()))
