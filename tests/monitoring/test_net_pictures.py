"""Pictures show the net at the epochs they name and do not change the training."""

import io
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mnist_mlp.data.dataset import Examples
from mnist_mlp.fast.eligibility import EngineName
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.monitoring import drawing
from mnist_mlp.monitoring.net_pictures import Pictures
from mnist_mlp.train import train
from tests.command import SMALL
from tests.monitoring.runs import IMAGES, Run, read

pytestmark = pytest.mark.usefixtures("few_images")


def test_tensorboard_reads_everything_at_its_epochs(run: Run) -> None:
    """Before training, after 1, 2 and 4 epochs, and at the end. No predictions are shown before training."""
    events = run.events()
    tags = events.Tags()
    assert set(tags["images"]) == {f"3 pictures/{name}" for name in IMAGES}
    for tag in tags["images"]:
        with_predictions = tag.split("/")[1] in ("confusion matrix", "most confident mistakes")
        shown = events.Images(tag)
        assert [e.step for e in shown] == ([1, 2, 4, 6] if with_predictions else [0, 1, 2, 4, 6])
        for event in shown:
            picture = Image.open(io.BytesIO(event.encoded_image_string))
            picture.load()
            assert picture.size == (event.width, event.height)
            assert event.width == drawing.WIDTH  # TensorBoard scales wider pictures down
    layers = ("layer 1, hidden", "layer 2, output")
    kinds = ("weights", "biases", "activations", "gradients of weights", "gradients of biases")
    assert set(tags["histograms"]) == {f"{kind}/{layer}" for kind in kinds for layer in layers}
    for tag in tags["histograms"]:
        assert [e.step for e in events.Histograms(tag)] == [0, 1, 2, 4, 6]
    for name in ("saturated units", "gradient root mean square"):
        for layer in layers:
            assert [e.step for e in events.Scalars(f"{name}/{layer}")] == [0, 1, 2, 4, 6]


@pytest.mark.parametrize("validated", [True, False])
def test_predictions_are_those_of_the_net(validated: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confusion matrix and mistakes, recomputed one image at a time; also in a run without validation."""
    drawn: dict[str, tuple[Any, ...]] = {}

    def note(name: str, draw: Callable[..., Image.Image]) -> Callable[..., Image.Image]:
        def noting(*args: Any, **names: Any) -> Image.Image:
            drawn[name] = args
            return draw(*args, **names)

        return noting

    for name in ("confusion_matrix", "mistakes"):
        monkeypatch.setattr(drawing, name, note(name, getattr(drawing, name)))
    made = Run(tmp_path, limit_val_batches=1.0 if validated else 0)
    data = made.data
    indices = data.val_indices if validated else data.train_indices[:1_000]
    examples = data.train_dataloader().dataset.examples  # type: ignore[attr-defined]
    confusion, mistakes = torch.zeros(10, 10, dtype=torch.int64), []
    for index in indices.tolist():
        with torch.no_grad():
            a = made.net(data.preprocessing(examples.images[index : index + 1]))[0]
        digit, predicted = int(examples.labels[index]), int(a.argmax())
        confusion[digit, predicted] += 1
        if predicted != digit:
            mistakes.append((float(a.max()), index, digit, predicted))
    assert drawn["confusion_matrix"][0].equal(confusion)
    assert drawn["confusion_matrix"][1] == ("validation images" if validated else "training images")
    images, activations, labels, *_ = drawn["mistakes"]
    most_confident = sorted(mistakes, reverse=True)[:12]
    assert len(most_confident) == 12
    torch.testing.assert_close(activations.max(dim=1).values, torch.tensor([m[0] for m in most_confident]))
    assert activations.argmax(dim=1).tolist() == [m[3] for m in most_confident]
    assert labels.tolist() == [m[2] for m in most_confident]
    assert images.equal(examples.images[[m[1] for m in most_confident]])
    assert f"12 most confident of {len(mistakes):,} mistakes" in drawn["mistakes"][4]


def test_pictures_name_the_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist: tuple[Examples, Examples]
) -> None:
    """Those of the data set; a run of three classes has a matrix of three rows."""
    shown: dict[str, Any] = {}
    for name in ("confusion_matrix", "mistakes", "outputs_over_epochs"):
        draw = getattr(drawing, name)
        noting = partial(
            lambda name, draw, *args, **kw: shown.update({name: (args, kw)}) or draw(*args, **kw), name, draw
        )
        monkeypatch.setattr(drawing, name, noting)
    three = Examples(*(part[:3_000][mnist[0].labels[:3_000] < 3] for part in mnist[0]))
    monkeypatch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (three, mnist[1]))
    monkeypatch.setattr("mnist_mlp.data.datamodule.CLASS_NAMES", {"MNIST": ("cat", "cow", "dog")})
    made = Run(tmp_path, data={"val_size": 100}, net={"learning_rate": 1.0})
    names = made.data.class_names
    assert names == ("cat", "cow", "dog")
    (confusion, caption, in_matrix), _ = shown["confusion_matrix"]
    assert (confusion.shape, caption, in_matrix) == ((3, 3), "validation images", names)
    assert shown["mistakes"][1] == {"names": names}
    assert shown["outputs_over_epochs"][0][-1] == names


def test_the_same_digits_over_the_epochs(run: Run) -> None:
    """One image of each digit with the outputs at that epoch; the last outputs are those of the trained net."""
    state = run.pictures.state_dict()
    assert list(state["history"]) == [0, 1, 2, 4, 6]
    labels = run.split.labels(state["digits"])
    assert labels.tolist() == list(range(10))
    assert set(state["digits"].tolist()) <= set(run.data.val_indices.tolist())
    with torch.no_grad():
        now = run.net(run.split.dataset.preprocessing(run.split.images(state["digits"])))
    torch.testing.assert_close(state["history"][6], now)
    correct = [int((a.argmax(dim=1) == labels).sum()) for a in state["history"].values()]
    assert correct[0] < 5 < correct[-1]  # before and after training


class Watched(Pictures):
    """Pictures that check what they must not change."""

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
        numpy_state: Any = np.random.get_state()
        return [modes, hooks, gradients, weights, torch.get_rng_state().tolist(), numpy_state[1].tolist()]


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_training_is_the_same_to_the_bit(engine: EngineName, tmp_path: Path) -> None:
    """With and without pictures: the weights, the engine, the weight updates per step, the random numbers."""
    ends = []
    for name in ("on", "off"):
        callbacks = [Watched()] if name == "on" else []
        made = Run(tmp_path / name, net={"engine": engine}, callbacks=callbacks, max_epochs=3)
        assert made.net.uses_closed_form == (engine == "closed_form")
        assert made.trainer.num_training_batches == (100 if engine == "autograd" else 1)
        ends.append((list(made.net.parameters()), torch.get_rng_state()))
    for one, other in zip(ends[0][0], ends[1][0], strict=True):
        assert one.equal(other)
    assert ends[0][1].equal(ends[1][1])


NETS_AND_DATA: list[tuple[dict[str, Any], dict[str, Any]]] = [
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


@pytest.mark.parametrize(("net", "data"), NETS_AND_DATA, ids=str)
def test_any_net_and_any_split(net: dict[str, Any], data: dict[str, Any], tmp_path: Path) -> None:
    """Every layer has its histograms. Without a validation split, the pictures show training images."""
    made = Run(tmp_path, net, data, max_epochs=1)
    events = made.events()
    tags = events.Tags()
    assert set(tags["images"]) == {f"3 pictures/{name}" for name in IMAGES}
    layers = len(made.net.linear_layers)
    for kind in ("weights", "activations", "gradients of weights", "biases", "gradients of biases"):
        shown = [tag for tag in tags["histograms"] if tag.startswith(f"{kind}/")]
        assert len(shown) == (0 if "biases" in kind and net.get("bias") is False else layers)
    assert f"weights/layer {layers}, output" in tags["histograms"]
    if net.get("activation") == "identity":
        assert [e.value for e in events.Scalars("saturated units/layer 1, hidden")] == [0.0, 0.0]
    digits = set(made.pictures.state_dict()["digits"].tolist())
    assert digits <= set((made.data.val_indices if data.get("val_size", 1) else made.data.train_indices).tolist())


@pytest.mark.parametrize("precision", ["64-true", "bf16-true", "bf16-mixed"])
def test_any_precision(precision: str, tmp_path: Path) -> None:
    made = Run(tmp_path, precision=precision, max_epochs=1)
    assert len(made.events().Tags()["histograms"]) == 10


def test_false_draws_nothing(tmp_path: Path) -> None:
    """No pictures, no histograms, nothing in a checkpoint. Without a logger, nothing is written either."""
    made = Run(tmp_path, pictures=False)
    tags = made.events().Tags()
    assert tags["images"] == tags["histograms"] == []
    assert made.pictures.state_dict() == {}
    silent = Run(tmp_path / "silent", logger=False)
    assert silent.pictures.state_dict() == {}
    assert not (tmp_path / "silent").exists()


@pytest.mark.parametrize("engine", ["closed_form", "autograd"])
def test_a_resumed_run_continues_with_its_digits(engine: EngineName, tmp_path: Path) -> None:
    """Stopped and resumed within the second epoch: no picture is missing, and none is drawn twice."""
    short: dict[str, Any] = {"net": {"engine": engine, "lr_schedule": "constant"}, "data": {"batch_size": 50}}
    first = Run(tmp_path, **short, max_epochs=4, max_steps=60)
    first.trainer.save_checkpoint(tmp_path / "stopped.ckpt")
    resumed = Run(tmp_path, **short, max_epochs=4, ckpt_path=tmp_path / "stopped.ckpt")
    whole = Run(tmp_path, **short, max_epochs=4)
    assert [e.step for e in first.events().Images("3 pictures/outputs over epochs")] == [0, 1, 2]
    assert [e.step for e in resumed.events().Images("3 pictures/outputs over epochs")] == [2, 4]
    assert list(resumed.pictures.state_dict()["history"]) == [0, 1, 2, 4]
    for epoch in (0, 1, 4):
        before, after = (made.pictures.state_dict()["history"][epoch] for made in (whole, resumed))
        torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)
    short["data"]["split_seed"] = 1
    other = Run(tmp_path, **short, max_epochs=4, ckpt_path=tmp_path / "stopped.ckpt")
    assert list(other.pictures.state_dict()["history"]) == [2, 4]  # another split has other digits


def test_the_command_has_one_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pictures are on by default. `--pictures false` leaves them out, and the weights are the same."""
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


def test_what_pictures_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten epochs of the default net: pictures are drawn six times, for 210 more images each in forward propagation.

    The outputs of validation are not computed again. A run writes less than 2 MB.
    """
    forward = SigmoidMLP.forward
    batches: Counter[int] = Counter()  # the numbers of images that `forward` gets, and how often

    def counting(net: SigmoidMLP, images: Tensor) -> Tensor:
        batches[len(images)] += 1
        return forward(net, images)

    monkeypatch.setattr(SigmoidMLP, "forward", counting)
    counts, sizes, made = {}, {}, {}
    for name in ("off", "on"):
        batches.clear()
        made[name] = Run(tmp_path / name, {"hidden_sizes": [300]}, pictures=name == "on", max_epochs=10)
        counts[name] = batches.copy()
        sizes[name] = sum(path.stat().st_size for path in Path(made[name].logger.log_dir).rglob("events.*"))
    epochs = [0, 1, 2, 4, 8, 10]
    events = made["on"].events()
    assert [e.step for e in events.Images("3 pictures/first-layer weights")] == epochs
    assert [e.step for e in events.Images("3 pictures/confusion matrix")] == epochs[1:]
    assert counts["on"] - counts["off"] == {200: 6, 10: 6}
    assert counts["off"] - counts["on"] == {}
    assert sizes["off"] < 50_000
    assert 100_000 < sizes["on"] < 2_000_000
