"""The article's figures: their numbers are right, nothing in them overlaps or is cut off, and their files are whole."""

import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from mnist_mlp import figure_drawing as draw
from mnist_mlp.activations import ActivationName
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.figures.__main__ import FIGURES, NUMBERS, figures
from mnist_mlp.figures.ablations import ABLATIONS, Ablation, ablation
from mnist_mlp.figures.answers import before_and_after
from mnist_mlp.figures.cost import cost_term_by_term
from mnist_mlp.figures.example import Example, choose_example
from mnist_mlp.figures.fit import fit_on_cpu
from mnist_mlp.figures.gradient import cost_against_a_weight
from mnist_mlp.figures.net import net_at_work
from mnist_mlp.figures.neuron import one_neuron
from mnist_mlp.figures.sigmoid import sigmoids
from mnist_mlp.figures.style import rounded_to_add_up
from mnist_mlp.figures.xor import UNDECIDED, XOR, XOR_NETS, xor
from mnist_mlp.inference.evaluation import evaluation
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.train import train
from mnist_mlp.training.cli import TrainCLI

pytestmark = pytest.mark.usefixtures("read_once")


@pytest.fixture(scope="module")
def data(small_net: Trained) -> MNISTData:
    data = small_net.training_data()
    data.setup()
    return data


@pytest.fixture(scope="module")
def example(small_net: Trained, data: MNISTData) -> Example:
    return choose_example(small_net, data, digit=3)


@pytest.fixture(autouse=True)
def in_style() -> Iterator[None]:
    with draw.style():
        yield


def untrained(**settings: Any) -> Trained:
    """A net with weights as they were drawn, for MNIST's pixels from 0 to 1."""
    torch.manual_seed(0)
    net = SigmoidMLP(**settings)
    data = MNISTData(val_size=58_000, normalize=False)
    return Trained(net.eval(), Preprocessing(), dict(net.hparams), {**data.hparams})


def shown_texts(figure: Figure) -> list[Text]:
    """All but the labels of ticks that lie outside of what is shown."""
    hidden = set()
    for axes in figure.axes:
        for axis, (low, high) in ((axes.xaxis, sorted(axes.get_xlim())), (axes.yaxis, sorted(axes.get_ylim()))):
            hidden |= {tick.label1 for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in hidden]
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def assert_legible(figure: Figure) -> None:
    """Every text is at least 8 points high and inside the figure, and none overlaps another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    page = figure.bbox
    boxes = []
    for text in shown_texts(figure):
        assert float(text.get_fontsize()) >= 8, text
        box = text.get_window_extent(renderer)
        assert page.x0 - 1 <= box.x0, text
        assert page.y0 - 1 <= box.y0, text
        assert box.x1 <= page.x1 + 1, text
        assert box.y1 <= page.y1 + 1, text
        boxes.append((text.get_text(), box))
    for (one, a), (other, b) in combinations(boxes, 2):
        apart = a.x1 <= b.x0 + 1 or b.x1 <= a.x0 + 1 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
        assert apart, f"{one!r} overlaps {other!r}"


def column_of_numbers(figure: Figure) -> list[Decimal]:
    """The last column of a figure's table, as it is to be read."""
    texts = figure.axes[0].texts
    right = max(text.get_position()[0] for text in texts)
    cells = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in texts if text.get_position()[0] == right]
    return [Decimal(cell) for cell in cells[1:]]


# 1 to 4: one example


def test_the_example_is_a_real_image_of_the_digit(
    small_net: Trained, data: MNISTData, mnist: tuple[Examples, Examples]
) -> None:
    """Of the validation split, guessed right, and not without doubt: of each digit there is such a one."""
    for digit in range(10):
        example = choose_example(small_net, data, digit)
        assert torch.equal(example.image, mnist[0].images[example.place])
        assert int(mnist[0].labels[example.place]) == example.label == digit
        assert example.place in data.val_indices
        activations = small_net.activations(example.image[None])[0]
        assert int(activations.argmax()) == digit
        assert float(activations.sort().values[-2]) > 0.1


def test_an_example_where_no_image_was_held_out() -> None:
    net = untrained(hidden_sizes=[4])
    assert net.data is not None
    net = net._replace(data={**net.data, "val_size": 0})
    data = net.training_data()
    data.setup()
    example = choose_example(net, data, 7)
    assert (example.split, example.label) == ("training", 7)
    no_sevens = Examples(torch.zeros(20, 28, 28, dtype=torch.uint8), torch.arange(20) % 7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (no_sevens, no_sevens))
        with pytest.raises(InputError, match=r"no image .* shows a 7"):
            choose_example(net, MNISTData(val_size=0, batch_size=1), 7)


def test_figure_1_shows_the_net_as_it_is(small_net: Trained, example: Example) -> None:
    """Its lines are the net's weights, its shades the activations of forward propagation."""
    net = net_at_work(small_net, example)
    pixels, hidden, output = net.columns
    first, last = small_net.net.linear_layers
    for layer, start, end, weight in net.connections:
        matrix = (first, last)[layer].weight
        below, above = net.columns[layer], net.columns[layer + 1]
        assert weight == float(matrix[above.neurons[end], below.neurons[start]].detach())
    amounts = [abs(line.weight) for line in net.connections]
    assert amounts == sorted(amounts)
    with torch.no_grad():
        a0 = small_net.preprocessing(example.image[None])
        a1 = torch.sigmoid(first(a0))
    assert torch.equal(pixels.activations, a0[0, pixels.neurons])
    assert torch.allclose(hidden.activations, a1[0, hidden.neurons])
    assert torch.allclose(output.activations, small_net.activations(example.image[None])[0])
    assert (pixels.size, hidden.size, output.neurons.tolist()) == (784, 32, list(range(10)))
    assert (net.paper, net.ink) == pytest.approx((float(a0.min()), float(a0.max())))


def test_figure_2_adds_up(small_net: Trained, example: Example) -> None:
    """Products, bias and sum, also as they are shown; and σ of the sum is what the net gives."""
    neuron = one_neuron(small_net, example)
    assert neuron.bias is not None
    total = sum(term.product for term in neuron.terms) + neuron.others + neuron.bias
    assert total == pytest.approx(neuron.z)
    assert neuron.a == pytest.approx(1 / (1 + math.exp(-neuron.z)))
    assert neuron.a == pytest.approx(float(small_net.activations(example.image[None])[0, example.label]), abs=1e-5)
    for source, activation, weight, product in neuron.terms:
        assert weight == float(small_net.net.linear_layers[-1].weight[example.label, source].detach())
        assert product == activation * weight
    *parts, z = column_of_numbers(draw.draw_neuron(neuron, example))
    assert len(parts) == len(neuron.terms) + 2
    assert sum(parts) == z
    assert float(z) == pytest.approx(neuron.z, abs=0.0006)


def test_rounding_that_adds_up() -> None:
    """Three thirds make one, and only the part that is to give way does."""
    assert rounded_to_add_up([1 / 3, 1 / 3, 1 / 3], 1, balance=1) == [0.3, 0.4, 0.3]
    assert rounded_to_add_up([-0.26, 0.26, 1.0], 1, balance=2) == [-0.3, 0.3, 1.0]


def test_figure_3_begins_with_the_net_that_the_run_began_with(
    small_net: Trained, small_run: Path, example: Example
) -> None:
    """The run's settings and its seed, through the command that trains."""
    config = small_run.parent.parent / "config.yaml"
    begun = TrainCLI(["--config", str(config), "--trainer.logger", "false"]).model.eval()
    answers = before_and_after(small_net, example, seed=0)
    with torch.no_grad():
        assert torch.equal(answers.untrained, begun(small_net.preprocessing(example.image[None]))[0])
    assert torch.equal(answers.trained, small_net.activations(example.image[None])[0])
    assert not torch.equal(before_and_after(small_net, example, seed=1).untrained, answers.untrained)


def test_figure_4_is_the_cost_term_by_term(small_net: Trained, example: Example, data: MNISTData) -> None:
    """Ten squared errors, divided by 10; on the training set, what `evaluate` says."""
    cost = cost_term_by_term(small_net, example, data)
    a = small_net.activations(example.image[None])[0].tolist()
    by_hand = [(a[digit] - (1.0 if digit == example.label else 0.0)) ** 2 for digit in range(10)]
    assert cost.terms.tolist() == pytest.approx(by_hand)
    assert cost.cost == pytest.approx(sum(by_hand) / 10)
    assert len(cost.training_costs) == len(data.train_indices)
    assert cost.average == pytest.approx(evaluation(small_net, "train").average_cost)
    *terms, total, of_example = column_of_numbers(draw.draw_cost(cost, example))
    assert len(terms) == 10
    assert sum(terms) == total
    assert float(of_example) == pytest.approx(float(total) / 10, abs=1e-6)


# 5 and 6: the gradient, and the sigmoid


def average_cost(trained: Trained, x: Tensor, labels: Tensor, place: tuple[int, int], value: float) -> float:
    """C(w) by the net itself in float64, with one weight of the output layer set to a value."""
    net = SigmoidMLP(**trained.model).double()
    net.load_state_dict(trained.net.state_dict())
    with torch.no_grad():
        net.linear_layers[-1].weight[place] = value
        return float(net.cost(net(x), labels).mean())


@pytest.mark.parametrize(
    "settings", [None, {"hidden_sizes": []}, {"hidden_sizes": [5], "cost_function": "cross_entropy"}]
)
def test_figure_5_by_finite_differences(small_net: Trained, settings: dict[str, Any] | None) -> None:
    """The curve is that of the whole net's cost, and the slopes by back propagation are those of the curve."""
    trained = small_net if settings is None else untrained(**settings)
    data = trained.training_data()
    curve = cost_against_a_weight(trained, data, images=200)
    indices = data.train_indices[:200]
    examples = data.train_dataloader().examples
    x, labels = trained.preprocessing(examples.images[indices]).double(), examples.labels[indices]
    place = curve.digit, curve.source
    assert curve.images == 200
    assert curve.weight == float(trained.net.linear_layers[-1].weight[place].detach())
    for i in (0, 30, 77, 120):
        assert float(curve.costs[i]) == pytest.approx(average_cost(trained, x, labels, place, float(curve.values[i])))
    h = 1e-5
    slopes = [(curve.weight, curve.gradient), *((tangent.w, tangent.slope) for tangent in curve.tangents)]
    for w, slope in slopes:
        difference = average_cost(trained, x, labels, place, w + h) - average_cost(trained, x, labels, place, w - h)
        assert slope == pytest.approx(difference / (2 * h), rel=1e-5, abs=1e-10)
        assert slope != 0
    for tangent in curve.tangents:
        assert tangent.cost == pytest.approx(average_cost(trained, x, labels, place, tangent.w))
        assert tangent.step == pytest.approx(-curve.eta * tangent.slope)
    assert curve.eta == trained.net.hparams["learning_rate"]


def test_figure_5_is_of_the_steepest_weight(small_net: Trained, data: MNISTData) -> None:
    """By autograd, the plain Lightning idiom's back propagation."""
    curve = cost_against_a_weight(small_net, data, images=200)
    net = SigmoidMLP(**small_net.model).double()
    net.load_state_dict(small_net.net.state_dict())
    examples, indices = data.train_dataloader().examples, data.train_indices[:200]
    net.cost(
        net(small_net.preprocessing(examples.images[indices]).double()), examples.labels[indices]
    ).mean().backward()
    gradient = net.linear_layers[-1].weight.grad
    assert gradient is not None
    assert abs(curve.gradient) == pytest.approx(float(gradient.abs().max()))


def test_figure_6_weight_and_bias() -> None:
    """σ(w x) is 1/2 at 0 with slope w/4 there; σ(x + b) is 1/2 at -b."""
    curves = sigmoids()
    step = float(curves.x[1] - curves.x[0])
    middle = len(curves.x) // 2
    assert float(curves.x[middle]) == 0
    for w, a in curves.by_weight.items():
        assert float(a[middle]) == 0.5
        assert float(a[middle + 1] - a[middle - 1]) / (2 * step) == pytest.approx(w / 4, rel=0.01)
    for b, a in curves.by_bias.items():
        assert float(a[int((curves.x + b).abs().argmin())]) == pytest.approx(0.5)
    assert len(curves.by_weight) == len(curves.by_bias) == 3


# 7: XOR


@pytest.mark.parametrize("activation", ["sigmoid", "tanh"])
def test_a_nonlinearity_solves_xor(activation: ActivationName) -> None:
    """From whatever seed: the figure's is none that was picked."""
    for seed in range(5):
        net = xor(activation, True, seed)
        assert net.right == 4, seed
        assert net.undecided == 0
        assert net.outputs.argmax(dim=1).tolist() == [0, 1, 1, 0]
    assert torch.equal(xor(activation, True, seed).outputs, net.outputs)


@pytest.mark.parametrize("bias", [True, False])
def test_without_a_nonlinearity_xor_has_no_solution(bias: bool) -> None:
    """The best that one matrix can do is to answer 1/2 to everything."""
    for seed in range(2):
        net = xor("identity", bias, seed)
        assert int((net.outputs.argmax(dim=1) == XOR.labels).sum()) < 4  # though these are no answers
        assert net.right == 0
        assert net.undecided == 4
        assert net.outputs.flatten().tolist() == pytest.approx([0.5] * 8, abs=UNDECIDED / 2)
        assert float(net.lead.abs().max()) < UNDECIDED


def test_without_biases_zeros_give_one_half() -> None:
    """tanh(0) = 0, so the outputs for (0, 0) are σ(0), whatever the weights. The sigmoid's σ(0) = 1/2 in the hidden
    neurons serves the output neurons as a bias."""
    for seed in range(2):
        tanh = xor("tanh", False, seed)
        assert tanh.outputs[0].tolist() == [0.5, 0.5]
        assert (tanh.right, tanh.undecided) == (3, 1)
        assert xor("sigmoid", False, seed).right == 4


# 8: the ablations


def test_figure_8_trains_validates_and_tests_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same numbers; the test split is read once, after the last epoch."""
    events: list[str] = []

    def noted(name: str, method: Callable[[MNISTData], Any]) -> Callable[[MNISTData], Any]:
        return lambda data: events.append(name) or method(data)  # type: ignore[func-returns-value]

    for name in ("train_dataloader", "test_dataloader"):
        monkeypatch.setattr(MNISTData, name, noted(name, getattr(MNISTData, name)))
    runs = [ablation("tanh", MNISTData(val_size=57_000), seed=3, epochs=2) for _ in range(2)]
    assert events == ["train_dataloader", "test_dataloader"] * 2
    assert runs[0] == runs[1]
    assert len(runs[0].costs) == 2
    assert 0.7 < runs[0].test_accuracy < 0.95
    assert 0.01 < runs[0].costs[1] < runs[0].costs[0] < 0.1


class CtrlC(Callback):
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_is_told_as_such() -> None:
    """Lightning would end the process by itself, with code 1 and without a word."""
    with pytest.raises(KeyboardInterrupt):
        fit_on_cpu(SigmoidMLP([3]), 1, CtrlC(), datamodule=MNISTData(val_size=59_000))


def test_each_ablation_is_one_change() -> None:
    assert [len(change) for change in ABLATIONS.values()] == [0, 1, 1, 1]
    for change in ABLATIONS.values():
        SigmoidMLP([3], **change)


# The drawings


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_sizes": [], "cost_function": "cross_entropy"},
        {"hidden_sizes": [3], "bias": False, "activation": "identity"},
        {"hidden_sizes": [20] * 7, "activation": "tanh"},
        {
            "hidden_sizes": [15],
            "activation": "scaled_tanh",
            "output_activation": "scaled_tanh",
            "target_values": [-1.0, 1.0],
        },
    ],
    ids=str,
)
def test_figures_of_any_net_are_legible(settings: dict[str, Any]) -> None:
    trained = untrained(**settings)
    data = trained.training_data()
    example = choose_example(trained, data, digit=8)
    assert_legible(draw.draw_net(net_at_work(trained, example), example))
    assert_legible(draw.draw_neuron(one_neuron(trained, example), example))
    assert_legible(draw.draw_answers(before_and_after(trained, example, 1), example))
    assert_legible(draw.draw_cost(cost_term_by_term(trained, example, data), example))
    assert_legible(draw.draw_cost_curve(cost_against_a_weight(trained, data, images=100)))


def test_figures_of_the_trained_net_are_legible(small_net: Trained, example: Example, data: MNISTData) -> None:
    assert_legible(draw.draw_net(net_at_work(small_net, example), example))
    assert_legible(draw.draw_neuron(one_neuron(small_net, example), example))
    assert_legible(draw.draw_answers(before_and_after(small_net, example, 0), example))
    assert_legible(draw.draw_cost(cost_term_by_term(small_net, example, data), example))
    assert_legible(draw.draw_cost_curve(cost_against_a_weight(small_net, data)))
    assert_legible(draw.draw_sigmoids(sigmoids()))
    assert_legible(draw.draw_xor([xor(*settings, seed=0) for settings in XOR_NETS]))
    runs = [Ablation(name, [0.02, 0.01], 0.01, 0.1 + 0.25 * i) for i, name in enumerate(ABLATIONS)]
    assert_legible(draw.draw_ablations(runs))


# The command


def test_the_command_writes_all_of_them(small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """PNG, SVG and TensorBoard's IMAGES, in the run's folder; a second call gives the same bytes in their place."""
    out = small_run.parent.parent / "figures"
    figures(["--ckpt", str(small_run), "--ablation_epochs", "1"])
    assert f"wrote 16 files to {out}" in capsys.readouterr().out
    names = [f"figure_{number}_{name}" for name, number in NUMBERS.items()]
    assert sorted(path.name for path in out.glob("figure_*")) == sorted(
        f"{n}.{f}" for n in names for f in ("png", "svg")
    )
    for name in names:
        with Image.open(out / f"{name}.png") as image:
            image.load()
            assert image.width == 1520
        assert ET.parse(out / f"{name}.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"
    files = {path: path.read_bytes() for path in out.glob("figure_*")}
    figures(["--ckpt", str(small_run), "--only", "neuron", "1"])
    assert {path: path.read_bytes() for path in out.glob("figure_*")} == files
    assert len(list(out.iterdir())) == 16 + 1
    events = EventAccumulator(str(out))
    events.Reload()
    assert sorted(events.Tags()["images"]) == [f"figures/{name}" for name in names]
    for name in names:
        (shown,) = events.Images(f"figures/{name}")
        assert shown.width == 1520


BAD: dict[str, tuple[list[str], str]] = {
    "unknown figure": (["--only", "1", "nett"], "there is no figure 'nett'; --only takes net, neuron, .*, ablations"),
    "figure 9": (["--only", "9"], "there is no figure '9'"),
    "digit": (["--digit", "12"], "--digit is 12; give 0 to 9"),
    "seed": (["--seed", "-1"], "--seed is -1"),
    "no epochs": (["--ablation_epochs", "0"], "--ablation_epochs is 0"),
    "a file": (["--out", "file"], "cannot write to the folder file"),
    "below a file": (["--out", "file/figures"], "cannot write to the folder file/figures"),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_bad_options(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("kept")
    with pytest.raises(InputError, match=words):
        figures(["--ckpt", str(small_run), *options])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_without_matplotlib(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mnist_mlp.figure_drawing")
    monkeypatch.delattr("mnist_mlp.figure_drawing")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="matplotlib is needed; install it"):
        figures(["--ckpt", str(small_run)])


def test_a_missing_checkpoint_in_a_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnist_mlp.figures", "--ckpt", "none.ckpt"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("mnist_mlp: error: there is no checkpoint none.ckpt")
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


# The net for other data, which figure 7 needs


def test_a_net_for_other_data() -> None:
    """Three labels of five inputs; the command that trains on images takes no such net."""
    net = SigmoidMLP([4], n_inputs=5, n_outputs=3)
    assert net(torch.zeros(2, 5)).shape == (2, 3)
    assert net.targets(torch.tensor([2]), torch.float32).tolist() == [[0, 0, 1]]
    assert net(net.example_input_array).shape == (1, 3)
    with pytest.raises(InputError, match="n_inputs is 0 and n_outputs 10; give a number of neurons, 1 or more"):
        SigmoidMLP(n_inputs=0)
    with pytest.raises(InputError, match="n_outputs -1"):
        SigmoidMLP(n_outputs=-1)


def test_train_refuses_a_net_for_other_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="n_inputs is 2 and n_outputs 10, but these images have 784 pixels"):
        train(["--model.n_inputs", "2"])
    assert not list(tmp_path.iterdir())


def test_every_figure_is_numbered_in_the_articles_order() -> None:
    assert list(FIGURES) == ["net", "neuron", "answers", "cost", "gradient", "sigmoid", "xor", "ablations"]
