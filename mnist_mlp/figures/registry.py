"""The nine figures by name. This module needs matplotlib."""

from collections.abc import Callable

from matplotlib.figure import Figure

from mnist_mlp.figures.ablations import ABLATIONS, draw_ablations, train_ablation
from mnist_mlp.figures.answers import compute_outputs, draw_outputs
from mnist_mlp.figures.cost import compute_cost, draw_cost
from mnist_mlp.figures.errors import compute_errors, draw_errors
from mnist_mlp.figures.gradient import compute_cost_curve, draw_cost_curve
from mnist_mlp.figures.net import compute_net, draw_net
from mnist_mlp.figures.neuron import compute_neuron, draw_neuron
from mnist_mlp.figures.sigmoid import compute_sigmoids, draw_sigmoids
from mnist_mlp.figures.subject import Subject
from mnist_mlp.figures.xor import LOGIC, XOR_NETS, draw_xor, train_neuron, train_xor_net

FIGURES: dict[str, Callable[[Subject], Figure]] = {  # in the order of their numbers
    "net": lambda s: draw_net(compute_net(s.trained, s.example), s.example),
    "neuron": lambda s: draw_neuron(compute_neuron(s.trained, s.example), s.example),
    "answers": lambda s: draw_outputs(compute_outputs(s.trained, s.example, s.seed), s.example),
    "cost": lambda s: draw_cost(compute_cost(s.trained, s.example, s.data), s.example),
    "gradient": lambda s: draw_cost_curve(compute_cost_curve(s.trained, s.data)),
    "sigmoid": lambda _: draw_sigmoids(compute_sigmoids()),
    "xor": lambda s: draw_xor(
        [train_neuron(name, s.seed) for name in LOGIC],
        [train_xor_net(activation, bias, s.seed) for activation, bias in XOR_NETS],
    ),
    "ablations": lambda s: draw_ablations(
        [train_ablation(name, s.ablation_data(), s.seed, s.ablation_epochs) for name in ABLATIONS]
    ),
    "errors": lambda s: draw_errors(compute_errors(s.trained, s.example), s.example),
}
