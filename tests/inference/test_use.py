"""A trained net in use: loaded from its files, asked about pictures, evaluated and exported; errors of one sentence."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor
from torchmetrics.functional.classification import multiclass_precision, multiclass_recall

import mnist_mlp.inference.find
from mnist_mlp.data.augmentation import Augmentation
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.data.deskew import deskewing
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.evaluate import as_csv, as_json, as_text, evaluate
from mnist_mlp.export import export
from mnist_mlp.inference.evaluation import Split, evaluation
from mnist_mlp.inference.find import find_net, nets_of_the_package
from mnist_mlp.inference.load import METADATA_KEY, load_net, to_safetensors
from mnist_mlp.inference.onnx import to_onnx
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.predict import predict

ROOT = Path(__file__).parents[2]

STRENGTHS = ("rotation", "scaling", "shear", "shift", "elastic_alpha")

pytestmark = pytest.mark.usefixtures("read_once")


def changed(path: Path, to: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of a checkpoint with a change."""
    checkpoint: dict[str, Any] = torch.load(path, weights_only=True)
    change(checkpoint)
    torch.save(checkpoint, to)
    return to


def same(a: Trained, b: Trained, images: Tensor) -> None:
    """Two nets give the same activations, bit for bit, and know the same of themselves."""
    assert torch.equal(a.activations(images), b.activations(images))
    assert a.preprocessing == b.preprocessing
    assert a.model == b.model
    assert a.data == b.data


# Loading


def test_a_checkpoint_is_the_net_and_how_its_pixels_are_scaled(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """As Lightning's own `load_from_checkpoint` has it, with the scale of the run's data."""
    data = MNISTData(val_size=30_000)
    data.setup()
    assert small_net.preprocessing == data.preprocessing != Preprocessing()
    net = SigmoidMLP.load_from_checkpoint(small_run, map_location="cpu").eval()
    images = mnist[0].images[:100]
    with torch.no_grad():
        assert torch.equal(net(data.preprocessing(images)), small_net.activations(images))
    assert small_net.model["hidden_sizes"] == [32]
    assert small_net.data is not None
    assert small_net.data["val_size"] == 30_000
    assert not small_net.net.training


def test_an_older_checkpoint_without_the_scale(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """It is computed anew from the training images."""
    older = changed(small_run, tmp_path / "older.ckpt", lambda c: c["MNISTData"].pop("scale"))
    same(load_net(older), small_net, mnist[0].images[:100])


def test_safetensors_gives_the_same_net_back(
    small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(to_safetensors(small_net))
    same(load_net(path), small_net, mnist[0].images[:100])


def test_half_the_bytes_give_nearly_the_same_net(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """Weights rounded to float16, 11 bits, move an activation by less than 1%, and are float32 again when read."""
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    export(["--out", str(whole), "--ckpt", str(small_run)])
    export(["--out", str(half), "--ckpt", str(small_run), "--half"])
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    read, images = load_net(half), mnist[0].images[:1_000]
    assert all(weight.dtype == torch.float32 for weight in read.net.parameters())
    moved = (read.activations(images) - small_net.activations(images)).abs().max()
    assert 0 < moved < 0.01
    assert (read.preprocessing, read.model, read.data) == (small_net.preprocessing, small_net.model, small_net.data)


def test_loading_leaves_the_seed_alone(small_run: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    load_net(small_run)
    assert torch.equal(torch.rand(1), wanted)


def test_a_checkpoint_of_data_in_a_folder_given_as_a_path_can_be_read(tmp_path: Path) -> None:
    """From Python it may be a Path; in a checkpoint that would be no plain value, and refused."""
    torch.save(dict(MNISTData(data_dir=tmp_path).hparams), tmp_path / "hparams.pt")
    assert torch.load(tmp_path / "hparams.pt", weights_only=True)["data_dir"] == str(tmp_path)


@pytest.fixture
def no_net_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for the package's own."""
    monkeypatch.setattr(mnist_mlp.inference.find, "files", lambda _: tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "package"


def test_which_net_is_taken_if_none_is_named(no_net_in_the_package: Path) -> None:
    """The package's, then the newest best.ckpt, then the newest last.ckpt, which may be of a run just begun."""
    with pytest.raises(InputError, match=r"there is no run in .*mnist_mlp\.train.*--ckpt"):
        find_net()
    made = [
        Path("lightning_logs/version_1/checkpoints/last.ckpt"),
        Path("lightning_logs/version_9/checkpoints/best.ckpt"),
        Path("lightning_logs/version_10/checkpoints/best.ckpt"),
        no_net_in_the_package / "net" / "net.safetensors",
    ]
    for age, path in enumerate(made):
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (1_000 + age, 1_000 + age))
        assert find_net() == path
        assert find_net(prefer_own_runs=True) == (path if path.suffix == ".ckpt" else made[-2])
    newer_but_begun = Path("lightning_logs/version_11/checkpoints/last.ckpt")
    newer_but_begun.parent.mkdir(parents=True)
    newer_but_begun.touch()
    assert find_net(prefer_own_runs=True) == made[-2]
    made[-1].unlink()
    assert find_net() == made[-2]


def test_the_net_of_the_package_is_what_its_card_says(mnist: tuple[Examples, Examples]) -> None:
    """One file of at most 3 MB, with its settings inside, and the test error that stands on the card."""
    (path,) = nets_of_the_package()
    card = path.with_name("README.md").read_text()
    trained = load_net(path)
    sizes = [layer.in_features for layer in trained.net.linear_layers]
    wrong = trained.activations(mnist[1].images).argmax(1) != mnist[1].labels
    assert path.stat().st_size <= 3_000_000
    assert f"# {path.name}" in card
    assert "-".join(map(str, [*sizes, 10])) in card
    assert f"Test error: **{100 * float(wrong.double().mean()):.2f}%**" in card


def no_settings(checkpoint: dict[str, Any]) -> None:
    del checkpoint["hyper_parameters"]


def other_settings(checkpoint: dict[str, Any]) -> None:
    checkpoint["hyper_parameters"] = {"n_layers": 3, "dropout": 0.1}


def other_sizes(checkpoint: dict[str, Any]) -> None:
    checkpoint["hyper_parameters"]["hidden_sizes"] = [99]


def not_numbers(checkpoint: dict[str, Any]) -> None:
    checkpoint["state_dict"]["layers.0.bias"][0] = float("nan")


def other_data(checkpoint: dict[str, Any]) -> None:
    del checkpoint["MNISTData"], checkpoint["datamodule_hyper_parameters"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_settings, "not a net of this project"),
        (other_settings, "not a net of this project"),
        (other_sizes, "not a net of this project"),
        (not_numbers, "weights that are not numbers"),
        (other_data, "does not say how the pixels were scaled"),
    ],
)
def test_checkpoints_of_other_kinds(small_run: Path, tmp_path: Path, change: Any, words: str) -> None:
    path = changed(small_run, tmp_path / "other.ckpt", change)
    with pytest.raises(InputError, match=f"other.ckpt.*{words}"):
        load_net(path)


def test_safetensors_files_of_other_kinds(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    with pytest.raises(InputError, match=r"there is no file .*other\.safetensors"):
        load_net(path)
    for content, words in (
        (b"not safe", "damaged or no safetensors file"),
        (safetensors.torch.save({"w": torch.zeros(2)}), "not a net of this project"),
        (safetensors.torch.save({"w": torch.zeros(2)}, metadata={METADATA_KEY: "{}"}), "not a net of this project"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            load_net(path)


# predict


def pictures(mnist: tuple[Examples, Examples], folder: Path, n: int = 12) -> list[int]:
    """Digits as pictures of a user's: 00.png, 01.png, ..., enlarged, dark on light; the digits they show."""
    folder.mkdir()
    for i, image in enumerate(mnist[0].images[:n]):
        Image.fromarray(255 - image.numpy()).resize((140, 140)).save(folder / f"{i:02}.png")
    (folder / "notes.txt").write_text("no picture")
    (folder / "._00.png").write_text("what another system left")
    return [int(label) for label in mnist[0].labels[:n]]


def test_predict_in_a_process(small_run: Path, mnist: tuple[Examples, Examples], tmp_path: Path) -> None:
    """A picture from stdin, a single file and a folder; JSON on stdout and nothing else; most guesses are right."""
    labels = pictures(mnist, tmp_path / "digits")
    single = Image.fromarray(mnist[0].images[0].numpy()).convert("RGBA").rotate(90, expand=True)
    single.save(tmp_path / "turned.jpeg.webp", lossless=True)
    result = subprocess.run(
        [sys.executable, "-m", "mnist_mlp.predict", "--json", "--ckpt", small_run, "-", "turned.jpeg.webp", "digits"],
        cwd=tmp_path,
        input=(tmp_path / "digits" / "03.png").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    guesses = json.loads(result.stdout)
    names = [guess["image"] for guess in guesses]
    assert names == ["-", "turned.jpeg.webp", *(f"digits/{i:02}.png" for i in range(12))]
    assert guesses[0]["activations"] == guesses[5]["activations"]
    for guess in guesses:
        assert len(guess["activations"]) == 10
        assert guess["digit"] == np.argmax(guess["activations"])
    right = [guess["digit"] == label for guess, label in zip(guesses[2:], labels, strict=True)]
    assert sum(right) >= 10


def test_predict_as_text_with_the_newest_run(
    small_run: Path,
    mnist: tuple[Examples, Examples],
    no_net_in_the_package: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line per picture: its name, the digit, ten activations. stderr says which net it was."""
    pictures(mnist, Path("digits"), 3)
    Path("lightning_logs").symlink_to(small_run.parent.parent.parent)
    predict(["digits"])
    output = capsys.readouterr()
    assert output.err == "mnist_mlp: the net is lightning_logs/version_0/checkpoints/best.ckpt\n"
    lines = output.out.splitlines()
    assert lines[0].split() == ["image", "digit", *"0123456789"]
    for i, line in enumerate(lines[1:]):
        name, digit, *activations = line.split()
        assert name == f"digits/{i:02}.png"
        assert int(digit) == np.argmax([float(a) for a in activations])
        assert len(activations) == 10


def test_bad_pictures_end_the_command_before_torch_is_imported(tmp_path: Path) -> None:
    """In a process: one sentence, exit code 2, and quickly."""
    program = (
        "import sys; from mnist_mlp.predict import main\n"
        "try: main()\n"
        "finally: assert not {'torch', 'lightning'} & sys.modules.keys()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "nowhere.png"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert re.fullmatch(r"mnist_mlp: error: nowhere\.png: it cannot be read \(No such .*\n", result.stderr)
    assert result.stdout == ""


def test_bad_input_of_predict(
    small_run: Path, no_net_in_the_package: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time one sentence that names what is wrong, and nothing printed of the pictures that are good."""
    Image.fromarray(np.pad(np.full((20, 3), 255, np.uint8), 10)).save("one.png")
    Image.new("RGB", (50, 50), "white").save("blank.png")
    Path("empty").mkdir()
    Path("text.png").write_text("no picture")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    net = ["--ckpt", str(small_run)]
    for args, words in (
        ([], "image is missing"),
        (["one.png", "blank.png", *net], r"blank\.png: nothing in it stands out"),
        (["one.png", "text.png", *net], r"text\.png: it is not a picture"),
        (["empty", *net], "no pictures in the folder empty"),
        (["-", *net], "the picture from stdin: it is empty"),
        (["one.png", "--ckpt", "nowhere.ckpt"], r"there is no checkpoint nowhere\.ckpt"),
        (["one.png", "--ckpt", "text.png"], r"text\.png is damaged or no checkpoint"),
        (["one.png"], "there is no run in"),
        (["one.png", "--jsn"], r"no option --jsn; did you mean --json\?"),
    ):
        with pytest.raises(InputError, match=words) as error:
            predict(args)
        assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""


# evaluate


def test_evaluate_agrees_with_the_run(small_run: Path, small_net: Trained) -> None:
    """Its figures of the validation split are those that the run logged when it wrote the checkpoint."""
    monitored = torch.load(small_run, weights_only=True)["callbacks"]
    scores = [state["best_model_score"] for state in monitored.values() if state.get("monitor") == "val/accuracy"]
    assert evaluation(small_net, "validation").accuracy == pytest.approx(float(scores[0]), abs=1e-6)


@pytest.mark.parametrize(("split", "size"), [("train", 30_000), ("validation", 30_000), ("test", 10_000)])
def test_evaluate_against_each_split(
    small_net: Trained, mnist: tuple[Examples, Examples], split: Split, size: int
) -> None:
    """Every figure follows from the activations of the split's images; the mistakes' indices are the files'."""
    figures = evaluation(small_net, split, worst=20)
    data = MNISTData(val_size=30_000)
    data.setup()
    examples = mnist[1] if split == "test" else mnist[0]
    indices = {"train": data.train_indices, "validation": data.val_indices, "test": torch.arange(10_000)}[split]
    labels, activations = examples.labels[indices], small_net.activations(examples.images[indices])
    guesses = activations.argmax(1)
    y = torch.nn.functional.one_hot(labels, 10)

    assert figures.images == len(labels) == size
    assert figures.accuracy == pytest.approx((guesses == labels).double().mean().item())
    assert figures.average_cost == pytest.approx((activations - y).square().mean().item(), rel=1e-5)
    for label, row in enumerate(figures.confusion):
        assert row == guesses[labels == label].bincount(minlength=10).tolist()
    for field, metric in (("precision", multiclass_precision), ("recall", multiclass_recall)):
        wanted = metric(guesses, labels, num_classes=10, average=None).tolist()
        assert [getattr(digit, field) for digit in figures.digits] == pytest.approx(wanted, rel=1e-5)
    assert [digit.images for digit in figures.digits] == labels.bincount().tolist()

    costs = [mistake.cost for mistake in figures.mistakes]
    assert len(costs) == 20
    assert costs == sorted(costs, reverse=True)
    errors = (activations - y).square().mean(1)[guesses != labels]
    assert costs[-1] == pytest.approx(errors.topk(20).values[-1].item(), rel=1e-5)
    for mistake in figures.mistakes:
        assert examples.labels[mistake.index] == mistake.label != mistake.guess
        again = small_net.activations(examples.images[mistake.index][None])[0]
        assert mistake.activations == pytest.approx(again.tolist(), abs=1e-5)


def test_evaluate_as_text_csv_and_json(small_run: Path, small_net: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    """The three say the same."""
    figures = evaluation(small_net, "test", worst=3)
    evaluate(["--ckpt", str(small_run), "--split", "test", "--worst", "3", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(as_json(figures))
    assert document["confusion"] == figures.confusion
    assert document["mistakes"][0]["index"] == figures.mistakes[0].index

    rows = csv.DictReader(io.StringIO(as_csv(figures)))
    table = {(row["table"], row["row"], row["column"]): row["value"] for row in rows}
    assert float(table["summary", "", "average_cost"]) == figures.average_cost
    assert [[int(table["confusion", str(i), str(j)]) for j in range(10)] for i in range(10)] == figures.confusion
    assert float(table["digits", "7", "recall"]) == figures.digits[7].recall
    worst = figures.mistakes[0]
    assert float(table["mistakes", str(worst.index), "4"]) == worst.activations[4]

    lines = as_text(figures).splitlines()
    assert lines[0] == (
        f"test split, 10,000 images: accuracy {figures.accuracy:.2%}, average cost {figures.average_cost:.5f}"
    )
    assert f"{figures.digits[7].recall:.2%}" in lines[10]
    assert lines[16].split() == ["1", *(str(n) if n else "." for n in figures.confusion[1])]
    assert lines[-3].split()[:3] == [str(worst.index), str(worst.label), str(worst.guess)]


def test_a_digit_that_is_never_guessed_has_no_precision(small_net: Trained) -> None:
    """A net that always answers 3."""
    net = SigmoidMLP([])
    with torch.no_grad():
        net.linear_layers[0].weight.zero_()
        net.linear_layers[0].bias.copy_(torch.eye(10)[3])
    figures = evaluation(small_net._replace(net=net), "test", worst=0)
    assert [digit.precision for digit in figures.digits] == [None] * 3 + [figures.accuracy] + [None] * 6
    assert figures.mistakes == []
    assert as_text(figures).splitlines()[3].split()[-2:] == ["-", "0.00%"]
    assert json.loads(as_json(figures))["digits"][0]["precision"] is None


def test_answers_averaged_over_deformed_versions(mnist: tuple[Examples, Examples]) -> None:
    """By the package's net, which was trained on deformed images: the mean of its answers to each version."""
    trained = load_net(nets_of_the_package()[-1])
    augmentation = trained.training_data().augmentation
    assert augmentation is not None
    images = mnist[1].images[:300]
    plain = trained.activations(images)
    unmoved = trained.averaged_activations(images, augmentation.times(0), 2)
    torch.testing.assert_close(unmoved, plain, rtol=0, atol=1e-5)

    by_hand, generator = [], torch.Generator().manual_seed(0)
    upright = deskewing(images) if trained.preprocessing.deskew else None
    scale = trained.preprocessing._replace(deskew=False)
    assert trained.data is not None
    weak = Augmentation(
        **{name: 0.5 * trained.data[name] for name in STRENGTHS}, elastic_sigma=augmentation.elastic_sigma
    )
    for _ in range(3):
        deformed = weak(images, torch.zeros(300, dtype=torch.int64), generator, upright)
        by_hand.append(trained.net(scale(deformed)))
    averaged = trained.averaged_activations(images, augmentation.times(0.5), 3)
    torch.testing.assert_close(averaged, torch.stack(by_hand).mean(0), rtol=0, atol=1e-6)
    assert not averaged.allclose(plain, atol=1e-3)

    figures = evaluation(trained._replace(data={**trained.data, "val_size": 300}), "validation", versions=3)
    assert figures.accuracy > 0.98


def test_settings_of_single_digits_survive_every_file(tmp_path: Path) -> None:
    """JSON, in which an exported net keeps its settings, has only strings for keys."""
    data = MNISTData(rotation=15.0, rotation_of={1: 7.5, 7: 7.5}, val_size=300)
    net = SigmoidMLP([5])
    trained = Trained(net.eval(), Preprocessing(), dict(net.hparams), dict(data.hparams))
    (tmp_path / "net.safetensors").write_bytes(to_safetensors(trained))
    assert load_net(tmp_path / "net.safetensors").training_data().augmentation == data.augmentation


def test_bad_input_of_evaluate(small_run: Path, tmp_path: Path) -> None:
    def without_validation(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"]["val_size"] = 0

    def other_data_with_a_scale(checkpoint: dict[str, Any]) -> None:
        del checkpoint["datamodule_hyper_parameters"]

    def settings_unknown_here(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"]["rotate"] = 90

    whole = changed(small_run, tmp_path / "whole.ckpt", without_validation)
    other = changed(small_run, tmp_path / "other.ckpt", other_data_with_a_scale)
    unknown = changed(small_run, tmp_path / "unknown.ckpt", settings_unknown_here)
    for args, words in (
        (["--ckpt", str(whole)], "without a validation split; give --split train or --split test"),
        (["--ckpt", str(other)], "does not say what data it was trained on"),
        (["--ckpt", str(unknown)], "settings unknown here"),
        (["--split", "tset"], "--split is 'tset'; it takes train, validation, test"),
        (["--worst", "-1"], "--worst is -1"),
        (["--versions", "-1"], "--versions is -1"),
        (["--versions", "8", "--strength", "1.5"], "--strength is 1.5"),
        (["--ckpt", str(small_run), "--versions", "8"], "not trained on deformed images"),
    ):
        with pytest.raises(InputError, match=words):
            evaluate(args)


# export


def assert_onnxruntime_agrees(content: bytes, net: Trained, images: Tensor) -> None:
    """To rounding, for batches of any size, from pixels 0 paper to 1 ink."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("images", ["batch", 1, 28, 28])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("activations", ["batch", 10])]
    for n in (1, 7, 1_000):
        pixels = (images[:n, None].double() / 255).float().numpy()
        activations = session.run(["activations"], {"images": pixels})[0]
        np.testing.assert_allclose(activations, net.activations(images[:n]).numpy(), atol=2e-6)


def test_export_onnx(
    small_run: Path,
    small_net: Trained,
    mnist: tuple[Examples, Examples],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One file, which onnxruntime runs, with the settings inside; and one line, whatever the exporter would print."""
    import onnx

    path = tmp_path / "net.onnx"
    export(["--ckpt", str(small_run), "--out", str(path)])
    output = capfd.readouterr()
    assert re.fullmatch(r"wrote .*net\.onnx, [\d,]+ bytes\n", output.out)
    assert output.err == ""
    assert list(tmp_path.iterdir()) == [path]
    assert_onnxruntime_agrees(path.read_bytes(), small_net, mnist[0].images)
    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert json.loads(metadata[METADATA_KEY]) == json.loads(small_net.settings())


def test_export_onnx_of_another_net(small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """Two hidden layers, tanh, no biases; and digits made upright, which the file does by itself."""
    net = SigmoidMLP([12, 11], activation="tanh", bias=False).eval()
    for deskew in (False, True):
        other = small_net._replace(net=net, inputs=small_net.preprocessing._replace(deskew=deskew))
        assert_onnxruntime_agrees(to_onnx(other), other, mnist[0].images)


def test_export_writes_over_nothing_unless_told_to(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    net = ["--ckpt", str(small_run)]
    Path("net.safetensors").write_text("the user's")
    Path("folder.onnx").mkdir()
    for args, words in (
        (["--out", "net.safetensors"], r"net\.safetensors is there already; .*--force"),
        (["--out", "folder.onnx", "--force"], r"folder\.onnx is there already"),
        (["--out", "nowhere/net.onnx"], "there is no folder nowhere"),
        (["--out", "net.pt"], r"net\.pt is neither \.onnx nor \.safetensors"),
        (["--out", "net.onnx", "--half"], r"--half is for \.safetensors files"),
        (["--out", "net.onnx", "--format", "onxx"], "--format is 'onxx'; it takes onnx, safetensors"),
        ([], "--out is missing"),
    ):
        with pytest.raises(InputError, match=words):
            export([*args, *net])
    assert Path("net.safetensors").read_text() == "the user's"
    export(["--out", "net.safetensors", "--force", *net])
    export(["--out", "net.bin", "--format", "safetensors", *net])
    same(load_net("net.safetensors"), load_net(small_run), torch.zeros(1, 28, 28, dtype=torch.uint8))
    assert Path("net.safetensors").read_bytes() == Path("net.bin").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"net.safetensors", "net.bin", "folder.onnx"}
    assert capsys.readouterr().out.count("wrote") == 2


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_export_without_its_packages(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """None in the place of a module is what Python takes for one that cannot be imported."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match="python -m pip install onnx onnxscript"):
        export(["--out", str(tmp_path / "net.onnx"), "--ckpt", str(small_run)])
    assert list(tmp_path.iterdir()) == []


# From Python


def test_the_readmes_example_runs(tmp_path: Path) -> None:
    """As it stands there, in a folder of its own."""
    section = (ROOT / "README.md").read_text().partition("## From Python\n")[2]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert example is not None
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", example[1]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    accuracy = re.search(r"'test/accuracy': (0\.\d+)", result.stdout)
    assert accuracy is not None, result.stdout
    assert float(accuracy[1]) > 0.9
