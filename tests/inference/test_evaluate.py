"""The command `python -m mnist_mlp.evaluate` and the metrics that it prints."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torchmetrics.functional.classification import multiclass_precision, multiclass_recall

from mnist_mlp.data.class_names import CLASS_NAMES
from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.evaluate import as_csv, as_json, as_text, evaluate
from mnist_mlp.inference.evaluation import Split, evaluation
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.inference.conftest import changed

pytestmark = pytest.mark.usefixtures("read_once")


def test_evaluate_agrees_with_the_run(small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """The validation accuracy is the one that the run logged when it wrote the checkpoint.

    Another machine's rounding may change a prediction only where the two largest activations are nearly equal.
    """
    callbacks = torch.load(small_run, weights_only=True)["callbacks"]
    scores = [state["best_model_score"] for state in callbacks.values() if state.get("monitor") == "val/accuracy"]
    data = small_net.training_data()
    data.setup()
    first, second = small_net.activations(mnist[0].images[data.val_indices]).topk(2).values.unbind(dim=1)
    undecided = (first - second < 1e-5).double().mean().item()
    assert evaluation(small_net, "validation").accuracy == pytest.approx(float(scores[0]), abs=undecided + 1e-6)


@pytest.mark.parametrize(("split", "size"), [("train", 30_000), ("validation", 30_000), ("test", 10_000)])
def test_the_metrics_of_each_split(
    small_net: Trained, mnist: tuple[Examples, Examples], split: Split, size: int
) -> None:
    """Every metric follows from the activations of the split's images. A mistake's index is that of the files."""
    result = evaluation(small_net, split, worst=20)
    data = MNISTData(val_size=30_000)
    data.setup()
    examples = mnist[1] if split == "test" else mnist[0]
    indices = {"train": data.train_indices, "validation": data.val_indices, "test": torch.arange(10_000)}[split]
    labels, activations = examples.labels[indices], small_net.activations(examples.images[indices])
    predicted = activations.argmax(1)
    y = torch.nn.functional.one_hot(labels, 10)

    assert result.images == len(labels) == size
    assert result.accuracy == pytest.approx((predicted == labels).double().mean().item())
    assert result.average_cost == pytest.approx((activations - y).square().mean().item(), rel=1e-5)
    for label, row in enumerate(result.confusion):
        assert row == predicted[labels == label].bincount(minlength=10).tolist()
    for field, metric in (("precision", multiclass_precision), ("recall", multiclass_recall)):
        expected = metric(predicted, labels, num_classes=10, average=None).tolist()
        assert [getattr(digit, field) for digit in result.digits] == pytest.approx(expected, rel=1e-5)
    assert [digit.images for digit in result.digits] == labels.bincount().tolist()

    costs = [mistake.cost for mistake in result.mistakes]
    assert len(costs) == 20
    assert costs == sorted(costs, reverse=True)
    errors = (activations - y).square().mean(1)[predicted != labels]
    assert costs[-1] == pytest.approx(errors.topk(20).values[-1].item(), rel=1e-5)
    for mistake in result.mistakes:
        assert examples.labels[mistake.index] == mistake.label != mistake.guess
        again = small_net.activations(examples.images[mistake.index][None])[0]
        assert mistake.activations == pytest.approx(again.tolist(), abs=1e-5)


def test_text_csv_and_json_agree(small_run: Path, small_net: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    result = evaluation(small_net, "test", worst=3)
    evaluate(["--ckpt", str(small_run), "--split", "test", "--worst", "3", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads(as_json(result))
    assert document["confusion"] == result.confusion
    assert document["mistakes"][0]["index"] == result.mistakes[0].index

    rows = csv.DictReader(io.StringIO(as_csv(result)))
    table = {(row["table"], row["row"], row["column"]): row["value"] for row in rows}
    assert float(table["summary", "", "average_cost"]) == result.average_cost
    assert [[int(table["confusion", str(i), str(j)]) for j in range(10)] for i in range(10)] == result.confusion
    assert float(table["digits", "7", "recall"]) == result.digits[7].recall
    worst = result.mistakes[0]
    assert float(table["mistakes", str(worst.index), "4"]) == worst.activations[4]

    lines = as_text(result).splitlines()
    assert lines[0] == (
        f"test split, 10,000 images: accuracy {result.accuracy:.2%}, average cost {result.average_cost:.5f}"
    )
    assert f"{result.digits[7].recall:.2%}" in lines[10]
    assert lines[16].split() == ["1", *(str(n) if n else "." for n in result.confusion[1])]
    assert lines[-3].split()[:3] == [str(worst.index), str(worst.label), str(worst.guess)]


def test_a_digit_that_is_never_predicted_has_no_precision(small_net: Trained) -> None:
    """A net that always predicts 3."""
    net = SigmoidMLP([])
    with torch.no_grad():
        net.linear_layers[0].weight.zero_()
        net.linear_layers[0].bias.copy_(torch.eye(10)[3])
    result = evaluation(small_net._replace(net=net), "test", worst=0)
    assert [digit.precision for digit in result.digits] == [None] * 3 + [result.accuracy] + [None] * 6
    assert result.mistakes == []
    assert as_text(result).splitlines()[3].split()[-2:] == ["-", "0.00%"]
    assert json.loads(as_json(result))["digits"][0]["precision"] is None


@pytest.fixture
def fashion(small_run: Path, tmp_path: Path) -> Path:
    """A net that says it was trained on FashionMNIST. `read_once` gives it the images of MNIST."""

    def of_fashion(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"]["dataset"] = "FashionMNIST"
        checkpoint["MNISTData"].pop("class_names", None)

    return changed(small_run, tmp_path / "fashion.ckpt", of_fashion)


def test_class_names_are_printed(fashion: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the tables and the worst mistakes as text and CSV; JSON lists them."""
    options = ["--ckpt", str(fashion), "--split", "test", "--worst", "2"]
    evaluate([*options, "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    names = document["class_names"]
    assert names == list(CLASS_NAMES["FashionMNIST"])
    worst = document["mistakes"][-1]
    assert worst["file"] is None

    evaluate(options)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:11].strip() for line in lines[3:13]] == names
    assert lines[14].split()[2:] == " ".join(names).split()
    assert [line[:11].strip() for line in lines[15:25]] == names
    assert f"  {names[worst['label']]:>11}  {names[worst['guess']]:>11}  {worst['cost']:.5f}  " in lines[-1]
    columns = [lines[14].index(name) + len(name) for name in ("trouser", "ankle boot")]
    confusion = document["confusion"][1]
    assert [lines[16][:end].split()[-1] for end in columns] == [str(confusion[i] or ".") for i in (1, 9)]

    evaluate([*options, "--format", "csv"])
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out))
    table = {(row["table"], row["row"], row["column"]): row["value"] for row in rows}
    assert int(table["confusion", "trouser", "ankle boot"]) == confusion[9]
    assert float(table["digits", "coat", "recall"]) == document["digits"][4]["recall"]
    assert table["mistakes", str(worst["index"]), "guess"] == names[worst["guess"]]
    assert float(table["mistakes", str(worst["index"]), "bag"]) == worst["activations"][8]


def test_long_names_are_cut_in_the_text(small_net: Trained) -> None:
    result = replace(evaluation(small_net, "test", worst=1), class_names=[f"{i} with a long name" for i in range(10)])
    lines = as_text(result).splitlines()
    assert lines[3].startswith("0 with a lo…  ")
    assert len({len(line) for line in lines[14:25]}) == 1


def test_unused_output_neurons_are_left_out(small_net: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three classes, a table has three rows; more only if the net predicts another output neuron."""
    data = small_net.training_data()
    data.setup()
    assert data._test is not None
    three = Examples(*(part[data._test.labels < 3] for part in data._test))
    monkeypatch.setattr("mnist_mlp.data.datamodule.load", lambda *_: (data._train, three))
    monkeypatch.setattr("mnist_mlp.data.datamodule.CLASS_NAMES", {"MNIST": ("a", "b", "c")})
    net = SigmoidMLP([])
    with torch.no_grad():
        net.linear_layers[0].weight.zero_()
        for predicted, names in ((1, ["a", "b", "c"]), (4, ["a", "b", "c", "output 3", "output 4"])):
            net.linear_layers[0].bias.copy_(torch.eye(10)[predicted])
            trained = small_net._replace(net=net, class_names=("a", "b", "c"))
            result = evaluation(trained, "test", worst=1)
            assert result.class_names == names
            assert result.confusion == [
                [n if column == predicted else 0 for column in range(len(names))]
                for n in [*three.labels.bincount().tolist(), 0, 0][: len(names)]
            ]
            assert as_text(result).splitlines()[-1].split()[2] == names[predicted].split()[0]


def test_data_with_other_classes_is_refused(small_net: Trained) -> None:
    with pytest.raises(InputError, match=r"knows the classes cat, dog, but the data set has 0, 1, .*--data_dir"):
        evaluation(small_net._replace(class_names=("cat", "dog")), "test")


def test_evaluate_with_test_time_augmentation() -> None:
    """`evaluation` averages over `tta` versions, with the augmentation of training times `strength`."""
    trained = load_net(nets_of_the_package()[-1])
    assert trained.data is not None
    trained = trained._replace(data={**trained.data, "val_size": 300})
    data = trained.training_data()
    data.setup()
    assert data.augmentation is not None
    split: Any = data.val_dataloader().dataset  # type: ignore[union-attr]
    images, labels = split.images(), split.labels()

    result = evaluation(trained, "validation", tta=3)
    assert result.accuracy > 0.98
    activations = trained.averaged_activations(images, data.augmentation.times(0.5), 3)
    assert result.average_cost == pytest.approx(float(trained.net.cost(activations, labels).mean()), rel=1e-5)


def test_the_command_passes_its_options_on(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--tta and --strength reach `averaged_activations`, here with a net that counts as trained on shifted images."""
    calls = []
    average = Trained.averaged_activations

    def recorded(self: Trained, images: Any, augmentation: Any, versions: int) -> Any:
        calls.append((augmentation.shift, versions))
        return average(self, images, augmentation, versions)

    def shifted(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"].update(shift=2.0, val_size=300)

    monkeypatch.setattr(Trained, "averaged_activations", recorded)
    path = changed(small_run, tmp_path / "shifted.ckpt", shifted)
    evaluate(["--ckpt", str(path), "--tta", "4", "--strength", "0.25"])
    assert calls == [(0.5, 4)]
    assert capsys.readouterr().out.startswith("validation split, 300 images")


def test_bad_input_of_evaluate(small_run: Path, tmp_path: Path) -> None:
    def without_validation(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"]["val_size"] = 0

    def other_data_with_a_scale(checkpoint: dict[str, Any]) -> None:
        del checkpoint["datamodule_hyper_parameters"]

    def unknown_setting(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"]["rotate"] = 90

    whole = changed(small_run, tmp_path / "whole.ckpt", without_validation)
    other = changed(small_run, tmp_path / "other.ckpt", other_data_with_a_scale)
    unknown = changed(small_run, tmp_path / "unknown.ckpt", unknown_setting)
    for args, words in (
        (["--ckpt", str(whole)], "without a validation split; give --split train or --split test"),
        (["--ckpt", str(other)], "does not say what data it was trained on"),
        (["--ckpt", str(unknown)], "settings unknown here"),
        (["--split", "tset"], "--split is 'tset'; it takes train, validation, test"),
        (["--worst", "-1"], "--worst is '-1'; it takes a whole number, 0 or more"),
        (["--tta", "-1"], "--tta is '-1'; it takes a whole number, 0 or more"),
        (["--tta", "8", "--strength", "1.5"], "--strength is '1.5'; it takes a number from 0 to 1"),
        (["--ckpt", str(small_run), "--tta", "8"], "not trained on augmented images"),
        (["--versions", "8"], "there is no option --versions; .*--help"),
    ):
        with pytest.raises(InputError, match=words) as error:
            evaluate(args)
        assert "\n" not in str(error.value)
