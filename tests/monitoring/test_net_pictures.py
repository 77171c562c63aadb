"""Pictures show what is in the net, at the epochs they say, and leave the training as it is without them."""

import copy
import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import coverage
import lightning as L
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from mnist_mlp import drawing
from mnist_mlp.activations import ACTIVATIONS, ActivationName
from mnist_mlp.backprop import Layer
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.fast.kernels import gradient_descent
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring.cost_curve import CostCurveLogger
from mnist_mlp.monitoring.layer_statistics import in_evaluation, layer_statistics, saturated_share
from mnist_mlp.monitoring.net_pictures import INSPECTED, Pictures, Split
from mnist_mlp.monitoring.writer import add_histogram
from mnist_mlp.train import train
from tests.command import QUIET, SMALL

IMAGES = ("first_layer_weights", "outputs_over_epochs", "confusion_matrix", "most_confident_mistakes")


def give_few_images(mnist: tuple[Examples, Examples], patch: pytest.MonkeyPatch) -> None:
    """3,000 real images to train and validate on; validation takes several mini-batches, the last one shorter."""
    train_examples, test_examples = mnist
    few = Examples(train_examples.images[:3_000], train_examples.labels[:3_000])
    patch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (few, test_examples))
    patch.setattr("mnist_mlp.data.datamodule.EVALUATION_BATCH_SIZE", 300)


@pytest.fixture(autouse=True)
def few_images(mnist: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    give_few_images(mnist, monkeypatch)


class Run:
    """A short run with pictures, unless they are off; 1,000 of the images are for validation."""

    def __init__(
        self,
        folder: Path,
        net: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        pictures: bool = True,
        ckpt_path: Path | None = None,
        **trainer: Any,
    ) -> None:
        L.seed_everything(5, verbose=False)
        self.net = SigmoidMLP(**{"hidden_sizes": [12], "learning_rate": 8.0, **(net or {})})
        self.data = MNISTData(**{"batch_size": 20, "val_size": 1_000, **(data or {})})
        self.data.setup()
        self.data._test = None  # whoever reads the test split fails
        self.pictures = Pictures(pictures)
        self.logger = CostCurveLogger(str(folder))
        self.trainer = L.Trainer(
            **{**QUIET, "max_epochs": 2, "logger": self.logger, "callbacks": [self.pictures], **trainer}
        )
        self.trainer.fit(self.net, datamodule=self.data, ckpt_path=ckpt_path, weights_only=True)

    @property
    def split(self) -> Split:
        """The validation split, as the callback sees it."""
        return Split("validation", self.data.val_dataloader())  # type: ignore[arg-type]

    def events(self) -> EventAccumulator:
        return read(Path(self.logger.log_dir))


def read(folder: Path) -> EventAccumulator:
    """All events of a run, by TensorBoard's own reader."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "histograms": 0, "scalars": 0})
    events.Reload()
    return events


def image(events: EventAccumulator, name: str) -> Image.Image:
    """The last picture of a name, in red, green and blue."""
    return Image.open(io.BytesIO(events.Images(f"pictures/{name}")[-1].encoded_image_string)).convert("RGB")


@pytest.fixture(scope="module")
def run(mnist: tuple[Examples, Examples], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Six epochs, by the closed form."""
    with pytest.MonkeyPatch.context() as patch:
        give_few_images(mnist, patch)
        yield Run(tmp_path_factory.mktemp("pictures"), max_epochs=6)


def test_tensorboard_reads_everything_at_its_epochs(run: Run) -> None:
    """Before training, after 1, 2 and 4 epochs, and at the end. Before training the answers say nothing."""
    events = run.events()
    tags = events.Tags()
    assert set(tags["images"]) == {f"pictures/{name}" for name in IMAGES}
    for tag in tags["images"]:
        with_answers = tag.split("/")[1] in ("confusion_matrix", "most_confident_mistakes")
        shown = events.Images(tag)
        assert [e.step for e in shown] == ([1, 2, 4, 6] if with_answers else [0, 1, 2, 4, 6])
        for event in shown:
            picture = Image.open(io.BytesIO(event.encoded_image_string))
            picture.load()
            assert picture.size == (event.width, event.height)
            assert event.width == drawing.WIDTH  # what is wider, TensorBoard makes smaller
    layers = ("layer_1_hidden", "layer_2_output")
    kinds = ("weights", "biases", "activations", "gradients_of_weights", "gradients_of_biases")
    assert set(tags["histograms"]) == {f"{kind}/{layer}" for kind in kinds for layer in layers}
    for tag in tags["histograms"]:
        assert [e.step for e in events.Histograms(tag)] == [0, 1, 2, 4, 6]
    for name in ("saturated_units", "gradient_root_mean_square"):
        for layer in layers:
            assert [e.step for e in events.Scalars(f"{name}/{layer}")] == [0, 1, 2, 4, 6]


def test_tiles_show_the_weights(run: Run) -> None:
    """Read back from the picture, every pixel of every tile is its weight, to half a shade."""
    picture = np.asarray(image(run.events(), "first_layer_weights"), dtype=float)
    weights = run.net.linear_layers[0].weight.detach()
    enlarged = drawing.WIDTH // (4 * 29)  # 12 neurons in 4 columns
    side, top = 28 * enlarged + 1, 2 * drawing.LINE
    for neuron, weight in enumerate(weights):
        y, x = top + neuron // 4 * side, neuron % 4 * side
        tile = picture[y : y + side - 1 : enlarged, x : x + side - 1 : enlarged]
        assert (picture[y : y + side - 1, x : x + side - 1] == tile.repeat(enlarged, 0).repeat(enlarged, 1)).all()
        red, blue = tile[:, :, 0], tile[:, :, 2]
        shown = np.where(red > blue, (255 - blue) / 255, -(255 - red) / 255)  # orange has no blue, blue no red
        expected = (weight / (3 * weights.square().mean().sqrt())).clamp(-1, 1).view(28, 28).numpy()
        assert np.abs(shown - expected).max() <= 1 / 12 + 1 / 255


def test_a_wide_layer_shows_its_first_neurons() -> None:
    """12 by 12 tiles of 28 by 28, whatever follows."""
    weights = torch.randn(300, 784, generator=torch.Generator().manual_seed(0))
    other = weights.clone()
    other[144:] = 7.0
    page = np.asarray(drawing.weight_tiles(weights))
    assert page.shape == (2 * drawing.LINE + 12 * 29, 348)
    assert (page == np.asarray(drawing.weight_tiles(other))).all()
    assert np.corrcoef(page[-29:-1, -29:-1].flatten(), weights[143].clamp(-3, 3))[0, 1] > 0.98


def inspected(run: Run) -> tuple[Tensor, Tensor]:
    """The images, as input activations, and digits that histograms are made from."""
    indices = run.split.first(INSPECTED)
    return run.split.batches.preprocessing(run.split.images(indices)), run.split.labels(indices)


def test_histograms_are_of_the_net_and_of_its_gradient(run: Run) -> None:
    """Bin by bin as NumPy counts them: weights, activations, and dC/dw by `backward` on a copy of the net."""
    images, labels = inspected(run)
    net = copy.deepcopy(run.net)
    net.cost(net(images), labels).mean().backward()
    hidden = torch.sigmoid(net.linear_layers[0](images))
    events = run.events()
    expected = {"activations/layer_1_hidden": hidden, "activations/layer_2_output": net(images)}
    for layer, name in zip(net.linear_layers, ("layer_1_hidden", "layer_2_output"), strict=True):
        gradients = layer.weight.grad, layer.bias.grad
        assert gradients[0] is not None
        expected |= {f"weights/{name}": layer.weight, f"biases/{name}": layer.bias}
        expected |= {f"gradients_of_weights/{name}": gradients[0], f"gradients_of_biases/{name}": gradients[1]}
        size = events.Scalars(f"gradient_root_mean_square/{name}")[-1].value
        assert size == pytest.approx(float(gradients[0].square().mean().sqrt()), rel=1e-5)
    for tag, values in expected.items():
        shown = events.Histograms(tag)[-1].histogram_value
        numbers = values.detach().double().flatten().numpy()
        counts, limits = np.histogram(numbers, bins=64)
        assert shown.num == len(numbers)
        assert shown.min == pytest.approx(numbers.min(), rel=1e-4), tag
        assert shown.max == pytest.approx(numbers.max(), rel=1e-4), tag
        assert shown.sum == pytest.approx(numbers.sum(), rel=1e-3, abs=1e-6), tag
        assert shown.sum_squares == pytest.approx((numbers**2).sum(), rel=1e-3), tag
        np.testing.assert_allclose(shown.bucket_limit, limits[1:], rtol=1e-3, atol=1e-6 * np.abs(limits).max())
        assert np.abs(np.asarray(shown.bucket) - counts).sum() <= 0.002 * len(numbers) + 2, tag  # rounding at limits


def test_the_gradient_is_the_one_training_goes_by(run: Run) -> None:
    """One weight update of the closed form moves the weights by -η times it."""
    images, labels = inspected(run)
    net = copy.deepcopy(run.net).double()
    at_work = layer_statistics(net, images.double(), labels)
    after = copy.deepcopy(net)
    layers = [Layer(layer.weight, layer.bias, "sigmoid") for layer in after.linear_layers]
    gradient_descent(layers, images.double(), net.targets(labels, torch.float64), [10.0], len(images))
    for layer, before, moved in zip(at_work, net.linear_layers, after.linear_layers, strict=True):
        assert layer.weight_gradient is not None
        assert layer.bias_gradient is not None
        torch.testing.assert_close(before.weight - moved.weight, 10 * layer.weight_gradient)
        torch.testing.assert_close(before.bias - moved.bias, 10 * layer.bias_gradient)


@pytest.mark.parametrize(
    ("function", "activations", "share"),
    [
        ("sigmoid", [0.0, 0.049, 0.051, 0.5, 0.949, 0.951, 1.0, 0.3], 4 / 8),
        ("tanh", [-1.0, -0.901, -0.899, 0.0, 0.899, 0.901, 0.5, 0.1], 3 / 8),
        ("scaled_tanh", [1.7159 * a for a in (-1.0, -0.901, -0.899, 0.0, 0.899, 0.901, 0.5, 0.1)], 3 / 8),
        ("identity", [-1e6, -1.0, 0.0, 1e6], 0.0),
    ],
)
def test_saturated_share_by_hand(function: ActivationName, activations: list[float], share: float) -> None:
    assert saturated_share(torch.tensor(activations), function) == share


@settings(deadline=None)
@given(st.sampled_from(sorted(ACTIVATIONS)), st.floats(-12, 12))
def test_saturated_is_a_small_derivative(function: ActivationName, number: float) -> None:
    """σ' by autograd, at z and where it is largest."""
    z = torch.tensor([number, 0.0], dtype=torch.float64, requires_grad=True)
    a = ACTIVATIONS[function].sigma(z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    ratio = float(slope[0] / slope[1])
    if abs(ratio - 0.19) > 1e-6:
        assert saturated_share(a[:1].detach(), function) == float(ratio < 0.19)


def test_saturated_units_of_the_run(run: Run) -> None:
    """The scalar of the last epoch is the share of the trained net's activations beyond 0.05 and 0.95."""
    images, _ = inspected(run)
    with torch.no_grad():
        a = torch.sigmoid(run.net.linear_layers[0](images))
    share = float(((a < 0.05) | (a > 0.95)).double().mean())
    assert 0.0 < share < 1.0
    shown = run.events().Scalars("saturated_units/layer_1_hidden")
    assert shown[-1].value == pytest.approx(share, abs=1e-3)
    assert shown[0].value < share


@pytest.mark.parametrize("validated", [True, False])
def test_the_answers_are_the_nets(validated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confusion matrix and mistakes, computed anew, one image at a time; also where no validation has taken place."""
    drawn: dict[str, tuple[Any, ...]] = {}

    def note(name: str, draw: Callable[..., Image.Image]) -> Callable[..., Image.Image]:
        def noting(*args: Any) -> Image.Image:
            drawn[name] = args
            return draw(*args)

        return noting

    for name in ("confusion_matrix", "mistakes"):
        monkeypatch.setattr(drawing, name, note(name, getattr(drawing, name)))
    made = Run(tmp_path, limit_val_batches=1.0 if validated else 0)
    data = made.data
    indices = data.val_indices if validated else data.train_indices[:1_000]
    examples = data.train_dataloader().examples
    confusion, mistakes = torch.zeros(10, 10, dtype=torch.int64), []
    for index in indices.tolist():
        with torch.no_grad():
            a = made.net(data.preprocessing(examples.images[index : index + 1]))[0]
        digit, guess = int(examples.labels[index]), int(a.argmax())
        confusion[digit, guess] += 1
        if guess != digit:
            mistakes.append((float(a.max()), index, digit, guess))
    assert drawn["confusion_matrix"][0].equal(confusion)
    assert drawn["confusion_matrix"][1] == ("validation images" if validated else "training images")
    images, activations, labels, *_ = drawn["mistakes"]
    surest = sorted(mistakes, reverse=True)[:12]
    assert len(surest) == 12
    torch.testing.assert_close(activations.max(dim=1).values, torch.tensor([m[0] for m in surest]))
    assert activations.argmax(dim=1).tolist() == [m[3] for m in surest]
    assert labels.tolist() == [m[2] for m in surest]
    assert images.equal(examples.images[[m[1] for m in surest]])
    assert f"12 surest of {len(mistakes):,} mistakes" in drawn["mistakes"][4]


def test_bars_are_as_high_as_the_activations() -> None:
    """From foot to full height, whatever the targets are; the digit's own blue, the others orange."""
    activations = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1.0, 1.7, -0.3, float("nan"), 0.1, 0.9]])
    for low, high in ((0.0, 1.0), (-1.0, 1.0)):
        chart = drawing.bar_charts(activations * (high - low) + low, torch.tensor([3]), (low, high), bar=5)[0]
        assert chart.shape == (40, 50)
        bars = chart[:, 2::5]
        assert (bars != drawing.FAINT).sum(dim=0).tolist() == [1, 10, 20, 30, 40, 40, 1, 1, 4, 36]
        assert bars[-1].tolist() == [drawing.ORANGE] * 3 + [drawing.BLUE] + [drawing.ORANGE] * 6
        assert (chart[:, ::5] == drawing.PAPER).all()


def test_the_same_digits_over_the_epochs(run: Run) -> None:
    """One of each digit, with what the net gave for it then; the last is what the trained net gives now."""
    state = run.pictures.state_dict()
    assert list(state["history"]) == [0, 1, 2, 4, 6]
    labels = run.split.labels(state["digits"])
    assert labels.tolist() == list(range(10))
    assert set(state["digits"].tolist()) <= set(run.data.val_indices.tolist())
    with torch.no_grad():
        now = run.net(run.split.batches.preprocessing(run.split.images(state["digits"])))
    torch.testing.assert_close(state["history"][6], now)
    right = [int((a.argmax(dim=1) == labels).sum()) for a in state["history"].values()]
    assert right[0] < 5 < right[-1]  # before and after training


class Watched(Pictures):
    """Notes the state of what pictures must not change."""

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        before = self._state(pl_module)
        super().on_train_start(trainer, pl_module)
        assert self._state(pl_module) == before

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        before = self._state(pl_module)
        super().on_train_epoch_end(trainer, pl_module)
        assert self._state(pl_module) == before

    def _state(self, net: L.LightningModule) -> list[Any]:
        modes = [module.training for module in net.modules()]
        hooks = [(len(module._forward_pre_hooks), len(module._forward_hooks)) for module in net.modules()]
        gradients = [parameter.grad is None or parameter.grad.tolist() for parameter in net.parameters()]
        weights = [parameter.tolist() for parameter in net.parameters()]
        return [modes, hooks, gradients, weights, torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()]  # type: ignore[index]


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_training_is_the_same_to_the_bit(engine: EngineName, tmp_path: Path) -> None:
    """With pictures and without: weights, engine, weight updates per step, and random numbers drawn."""
    ends = []
    for name in ("on", "off"):
        callbacks = [Watched()] if name == "on" else []
        made = Run(tmp_path / name, net={"engine": engine}, callbacks=callbacks, max_epochs=3)
        assert made.net.automatic_optimization == (engine == "autograd")
        assert made.trainer.num_training_batches == (100 if engine == "autograd" else 1)
        ends.append((list(made.net.parameters()), torch.get_rng_state()))
    for one, other in zip(ends[0][0], ends[1][0], strict=True):
        assert one.equal(other)
    assert ends[0][1].equal(ends[1][1])


def test_evaluation_mode_is_undone_module_by_module() -> None:
    """Also after an error; a module that was in evaluation mode before stays in it."""
    net = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Dropout())
    net[1].eval()
    with suppress(ZeroDivisionError), in_evaluation(net):
        assert not any(module.training for module in net.modules())
        _ = 1 / 0
    assert [module.training for module in net.modules()] == [True, True, False]


LAYERS_AND_DATA: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"hidden_sizes": []}, {}),
    ({"hidden_sizes": [8, 6]}, {"normalize": False}),
    ({"activation": "tanh", "learning_rate": 1.0}, {}),
    ({"activation": "identity", "learning_rate": 0.5}, {}),
    ({"activation": "scaled_tanh", "output_activation": "scaled_tanh", "target_values": (-1.0, 1.0)}, {}),
    ({"cost_function": "cross_entropy", "learning_rate": 1.0}, {}),
    ({"bias": False}, {}),
    ({}, {"val_size": 0}),
    ({}, {"val_size": 3}),
    ({}, {"batch_size": "full", "rotation": 10.0}),
]


@pytest.mark.parametrize(("net", "data"), LAYERS_AND_DATA, ids=str)
def test_any_net_and_any_split(net: dict[str, Any], data: dict[str, Any], tmp_path: Path) -> None:
    """Every layer has its histograms, and without a validation split, the pictures are of training images."""
    made = Run(tmp_path, net, data, max_epochs=1)
    events = made.events()
    tags = events.Tags()
    assert set(tags["images"]) == {f"pictures/{name}" for name in IMAGES}
    layers = len(made.net.linear_layers)
    for kind in ("weights", "activations", "gradients_of_weights", "biases", "gradients_of_biases"):
        shown = [tag for tag in tags["histograms"] if tag.startswith(f"{kind}/")]
        assert len(shown) == (0 if "biases" in kind and net.get("bias") is False else layers)
    assert f"weights/layer_{layers}_output" in tags["histograms"]
    if net.get("activation") == "identity":
        assert [e.value for e in events.Scalars("saturated_units/layer_1_hidden")] == [0.0, 0.0]
    digits = set(made.pictures.state_dict()["digits"].tolist())
    assert digits <= set((made.data.val_indices if data.get("val_size", 1) else made.data.train_indices).tolist())


def test_frozen_weights_and_low_precision(tmp_path: Path) -> None:
    """What is not trained has no gradient; a net in double precision or bfloat16 has its pictures, too."""
    for precision in ("64-true", "bf16-true", "bf16-mixed"):
        made = Run(tmp_path / precision, precision=precision, max_epochs=1)
        assert len(made.events().Tags()["histograms"]) == 10
    net = SigmoidMLP([4])
    net.linear_layers[0].weight.requires_grad_(False)
    hidden, output = layer_statistics(net, torch.rand(5, 784), torch.arange(5))
    assert hidden.weight_gradient is None
    assert hidden.bias_gradient is not None
    assert output.weight_gradient is not None
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert {layer.weight_gradient for layer in layer_statistics(net, torch.rand(5, 784), torch.arange(5))} == {None}


def test_weights_that_are_no_numbers_break_nothing(tmp_path: Path) -> None:
    """Others tell of a run that has gone wrong; pictures do not stop it."""
    made = Run(tmp_path, max_epochs=1)
    with torch.no_grad():
        made.net.linear_layers[0].weight.fill_(float("nan"))
        made.net.linear_layers[1].weight[0, 0] = float("inf")
    made.pictures._draw(made.trainer, made.net, 2)
    assert [e.step for e in made.events().Images("pictures/first_layer_weights")] == [0, 1, 2]
    assert [e.step for e in made.events().Histograms("weights/layer_1_hidden")] == [0, 1]
    assert [e.step for e in made.events().Histograms("biases/layer_1_hidden")] == [0, 1, 2]
    writer = made.logger.experiment
    for values in (torch.zeros(9), torch.tensor([1e38, -3e38]), torch.tensor([1e-45, 0.0])):
        add_histogram(writer, "odd", values, 0)
    made.logger.finalize("success")
    shown = [event.histogram_value for event in made.events().Histograms("odd")]
    assert [sum(histogram.bucket) for histogram in shown] == [9, 2, 2]


def test_off_is_off(tmp_path: Path) -> None:
    """No picture, no histogram, and nothing in a checkpoint; nor is anything written where there is no logger."""
    made = Run(tmp_path, pictures=False)
    tags = made.events().Tags()
    assert tags["images"] == tags["histograms"] == []
    assert made.pictures.state_dict() == {}
    silent = Run(tmp_path / "silent", logger=False)
    assert silent.pictures.state_dict() == {}
    assert not (tmp_path / "silent").exists()


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_a_run_that_is_resumed_goes_on_with_its_digits(engine: EngineName, tmp_path: Path) -> None:
    """Stopped within its second epoch, and resumed without the start of an epoch; pictures neither lack nor repeat."""
    short: dict[str, Any] = {"net": {"engine": engine, "lr_schedule": "constant"}, "data": {"batch_size": 50}}
    first = Run(tmp_path, **short, max_epochs=4, max_steps=60)
    first.trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = Run(tmp_path, **short, max_epochs=4, ckpt_path=tmp_path / "stopped.ckpt")
    whole = Run(tmp_path, **short, max_epochs=4)
    assert [e.step for e in first.events().Images("pictures/outputs_over_epochs")] == [0, 1, 2]
    assert [e.step for e in resumed.events().Images("pictures/outputs_over_epochs")] == [2, 4]
    assert list(resumed.pictures.state_dict()["history"]) == [0, 1, 2, 4]
    for epoch in (0, 1, 4):
        before, after = (made.pictures.state_dict()["history"][epoch] for made in (whole, resumed))
        torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)
    short["data"]["split_seed"] = 1
    other = Run(tmp_path, **short, max_epochs=4, ckpt_path=tmp_path / "stopped.ckpt")
    assert list(other.pictures.state_dict()["history"]) == [2, 4]  # the digits are others


def test_the_command_has_one_switch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--pictures false`: the same weights, and a run folder without pictures; left out, they are there."""
    options = [*SMALL[2:], "--data.val_size", "1000"]
    train([*options, "--trainer.default_root_dir", str(tmp_path / "on")])
    train([*options, "--trainer.default_root_dir", str(tmp_path / "off"), "--pictures", "false"])
    folders = [tmp_path / name / "lightning_logs/version_0" for name in ("on", "off")]
    shown = [read(folder).Tags() for folder in folders]
    assert len(shown[0]["images"]) == 4
    assert len(shown[0]["histograms"]) == 10
    assert shown[1]["images"] == shown[1]["histograms"] == []
    on, off = (torch.load(folder / "checkpoints/last.ckpt", weights_only=True) for folder in folders)
    assert all(off["state_dict"][name].equal(value) for name, value in on["state_dict"].items())
    capsys.readouterr()
    with pytest.raises(SystemExit):
        train(["--help"])
    assert "--pictures" in capsys.readouterr().out


def test_what_pictures_cost(tmp_path: Path, mnist: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    """The default run's pictures are less than 2 MB and take at most 3% of the time that its ten epochs take."""
    if coverage.Coverage.current() is not None:
        pytest.skip("coverage slows what is drawn, and hardly what is trained")
    monkeypatch.setattr("mnist_mlp.data.datamodule.load", lambda *_: mnist)
    monkeypatch.setattr("mnist_mlp.data.datamodule.EVALUATION_BATCH_SIZE", 2_500)
    began = time.process_time()
    made = Run(tmp_path, {"hidden_sizes": [300]}, {"batch_size": 16, "val_size": 5_000}, pictures=False, max_epochs=1)
    epoch = time.process_time() - began
    made.pictures.on = True
    seconds = []
    for number in range(1, 7):
        began = time.process_time()
        made.pictures._draw(made.trainer, made.net, number)
        made.logger.experiment.flush()  # what a thread of TensorBoard's does, too
        seconds.append(time.process_time() - began)
    assert 6 * min(seconds) <= 0.03 * 10 * epoch
    made.logger.finalize("success")
    size = sum(path.stat().st_size for path in Path(made.logger.log_dir).rglob("events.*"))
    assert 100_000 < size < 2_000_000
