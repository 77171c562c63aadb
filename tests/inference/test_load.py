"""Nets are loaded from checkpoints and safetensors files, and unusable files are refused with one sentence."""

from pathlib import Path
from typing import Any, get_args

import pytest
import safetensors.torch
import torch
import torchvision.datasets

from mnist_mlp.data.datamodule import MNISTData
from mnist_mlp.data.dataset import DatasetName, Examples
from mnist_mlp.data.preprocessing import Preprocessing
from mnist_mlp.errors import InputError
from mnist_mlp.fast.module import FastSigmoidMLP
from mnist_mlp.inference.checkpoint import read_checkpoint
from mnist_mlp.inference.load import METADATA_KEY, TRAINING_ONLY, check_fits, load_net, to_safetensors
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.inference.conftest import assert_same_net, changed

pytestmark = pytest.mark.usefixtures("read_once")


def test_a_checkpoint_has_the_net_and_its_preprocessing(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """The same net as with Lightning's `load_from_checkpoint`, and the preprocessing of the run's data."""
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


def test_settings_that_concern_only_training_are_dropped(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """The training command trains a FastSigmoidMLP. It is loaded as a SigmoidMLP, from both kinds of files."""
    settings = torch.load(small_run, weights_only=True)["hyper_parameters"]
    assert set(TRAINING_ONLY) == {"engine", "skip_below"} == set(settings) - set(small_net.model)
    assert type(small_net.net) is SigmoidMLP
    fast = FastSigmoidMLP.load_from_checkpoint(small_run, map_location="cpu").eval()
    with_all_settings = small_net._replace(net=fast, model=settings)
    (tmp_path / "net.safetensors").write_bytes(to_safetensors(with_all_settings))
    loaded = load_net(tmp_path / "net.safetensors")
    assert type(loaded.net) is SigmoidMLP
    assert_same_net(loaded, small_net, mnist[0].images[:100])


def test_an_older_checkpoint_without_the_scale(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """The scale is computed again from the training images."""
    older = changed(small_run, tmp_path / "older.ckpt", lambda c: c["MNISTData"].pop("scale"))
    assert_same_net(load_net(older), small_net, mnist[0].images[:100])


def test_a_safetensors_file_gives_the_same_net(
    small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(to_safetensors(small_net))
    assert_same_net(load_net(path), small_net, mnist[0].images[:100])


def test_settings_of_single_digits_survive_every_file(tmp_path: Path) -> None:
    """An exported net keeps its settings as JSON, whose keys are always strings."""
    data = MNISTData(rotation=15.0, rotation_of={1: 7.5, 7: 7.5}, val_size=300)
    net = SigmoidMLP([5])
    trained = Trained(net.eval(), Preprocessing(), dict(net.hparams), dict(data.hparams))
    (tmp_path / "net.safetensors").write_bytes(to_safetensors(trained))
    assert load_net(tmp_path / "net.safetensors").training_data().augmentation == data.augmentation


def test_loading_leaves_the_seed_alone(small_run: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_net(small_run)
    assert torch.equal(torch.rand(1), expected)


def test_a_data_folder_given_as_a_path_does_not_make_a_checkpoint_unreadable(tmp_path: Path) -> None:
    """A Path is not a plain value, so a checkpoint that contains one would be refused."""
    torch.save(dict(MNISTData(data_dir=tmp_path).hparams), tmp_path / "hparams.pt")
    assert torch.load(tmp_path / "hparams.pt", weights_only=True)["data_dir"] == str(tmp_path)


def of_set(name: str) -> Any:
    """Return a change to a checkpoint of an older version, which has no class names, trained on another set."""

    def change(checkpoint: dict[str, Any]) -> None:
        checkpoint["MNISTData"].pop("class_names", None)
        checkpoint["datamodule_hyper_parameters"]["dataset"] = name

    return change


@pytest.mark.parametrize("name", get_args(DatasetName)[:-1])
def test_class_names_of_older_files_follow_from_the_data_set(small_run: Path, tmp_path: Path, name: str) -> None:
    """They are torchvision's, in lower case; digits have figures. A safetensors file keeps them."""
    trained = load_net(changed(small_run, tmp_path / "older.ckpt", of_set(name)))
    theirs = tuple(names.lower() for names in getattr(torchvision.datasets, name).classes)
    assert trained.class_names == tuple(names.partition(" - ")[0] for names in theirs)
    (tmp_path / "net.safetensors").write_bytes(to_safetensors(trained))
    assert load_net(tmp_path / "net.safetensors").class_names == trained.class_names


def test_class_names_of_a_folder_survive_every_file(small_run: Path, tmp_path: Path) -> None:
    """Those in the file come before those of the data set."""
    path = changed(small_run, tmp_path / "named.ckpt", lambda c: c["MNISTData"].update(class_names=("cat", "dög")))
    assert load_net(path).class_names == ("cat", "dög")
    (tmp_path / "net.safetensors").write_bytes(to_safetensors(load_net(path)))
    assert load_net(tmp_path / "net.safetensors").class_names == ("cat", "dög")


def test_an_unknown_data_set_has_no_class_names(small_run: Path, tmp_path: Path) -> None:
    def other_data(checkpoint: dict[str, Any]) -> None:
        checkpoint["datamodule_hyper_parameters"] = None

    assert load_net(changed(small_run, tmp_path / "other.ckpt", other_data)).class_names is None


@pytest.mark.parametrize("names", ["cat", ["cat", 1], ["cat"] * 11, ["c\nat", "dog"], ["c" * 300, "dog"], 5])
def test_damaged_class_names(small_run: Path, tmp_path: Path, names: Any) -> None:
    path = changed(small_run, tmp_path / "damaged.ckpt", lambda c: c["MNISTData"].update(class_names=names))
    with pytest.raises(InputError, match="not a net of this project"):
        load_net(path)


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
    weights = {"w": torch.zeros(2)}
    for content, words in (
        (b"not safe", "damaged or no safetensors file"),
        (safetensors.torch.save(weights), "not a net of this project"),
        (safetensors.torch.save(weights, metadata={METADATA_KEY: "{}"}), "not a net of this project"),
        (safetensors.torch.save(weights, metadata={METADATA_KEY: '{"model": null}'}), "not a net of this project"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=words):
            load_net(path)


def scale_nan(checkpoint: dict[str, Any]) -> None:
    checkpoint["MNISTData"]["scale"] = (float("nan"), 0.0, False)


def scale_of_two(checkpoint: dict[str, Any]) -> None:
    checkpoint["MNISTData"]["scale"] = (1.0, 2.0, 3.0, 4.0)


def setting_nan(checkpoint: dict[str, Any]) -> None:
    checkpoint["hyper_parameters"]["target_values"] = (0.0, float("nan"))


def targets_in_disorder(checkpoint: dict[str, Any]) -> None:
    checkpoint["hyper_parameters"]["target_values"] = (1.0, 0.0)


def huge_sizes(checkpoint: dict[str, Any]) -> None:
    checkpoint["hyper_parameters"]["hidden_sizes"] = [30_000, 30_000]


def huge_weights(checkpoint: dict[str, Any]) -> None:
    checkpoint["state_dict"]["layers.0.weight"][:] = 1e38


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (scale_nan, "does not scale the pixels by finite numbers"),
        (scale_of_two, "not a net of this project"),
        (setting_nan, "settings that are NaN or infinite"),
        (targets_in_disorder, "not a net of this project"),
        (huge_sizes, "not a net of this project"),
        (huge_weights, "activations overflow"),
    ],
)
def test_numbers_out_of_range(small_run: Path, tmp_path: Path, change: Any, words: str) -> None:
    path = changed(small_run, tmp_path / "other.ckpt", change)
    with pytest.raises(InputError, match=f"other.ckpt.*{words}"):
        load_net(path)


def test_a_flipped_bit_in_the_weights_is_found(small_run: Path, tmp_path: Path) -> None:
    """Each part of a checkpoint has a checksum."""
    content = bytearray(small_run.read_bytes())
    weights = torch.load(small_run, weights_only=True)["state_dict"]["layers.0.weight"].numpy().tobytes()
    content[content.index(weights) + 1000] ^= 1
    (tmp_path / "flipped.ckpt").write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"flipped\.ckpt is damaged"):
        load_net(tmp_path / "flipped.ckpt")


@pytest.mark.parametrize("worst", ["", "other.ckpt"])
def test_the_worst_checkpoint_of_a_resumed_run_is_one_of_the_best(small_run: Path, tmp_path: Path, worst: str) -> None:
    """Otherwise Lightning would raise a KeyError in the next validation."""

    def change(checkpoint: dict[str, Any]) -> None:
        (state,) = [state for state in checkpoint["callbacks"].values() if state.get("monitor") == "val/accuracy"]
        state["kth_best_model_path"] = worst

    net = FastSigmoidMLP([32])
    last = small_run.with_name("last.ckpt")
    check_fits(read_checkpoint(last), net, last)
    path = changed(last, tmp_path / "damaged.ckpt", change)
    with pytest.raises(InputError, match=r"cannot be resumed: its .callbacks"):
        check_fits(read_checkpoint(path), net, path)
