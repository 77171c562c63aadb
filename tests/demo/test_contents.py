"""What the page's file holds: names, weights, stages, curves, digits; and its size."""

import base64
import io
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from mnist_mlp.data.dataset import Examples
from mnist_mlp.demo import stages as demo_stages
from mnist_mlp.demo.bundle import module, page
from mnist_mlp.demo.contents import MISTAKES, TEST_IMAGES, TRAINING_IMAGES
from mnist_mlp.demo.nets import default_nets, described_net
from mnist_mlp.demo.stages import cost_curve, stages
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net, to_safetensors
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.demo.conftest import CURVE

MOST_BYTES = 8_000_000


@pytest.fixture(scope="module")
def data(page_file: Path) -> dict[str, Any]:
    """The page's data, by id."""
    scripts = re.findall(
        r'<script type="application/json" id="data-(\w+)">(.*?)</script>', page_file.read_text("utf-8")
    )
    return {name: json.loads(text) for name, text in scripts}


def unpacked(weights: str) -> torch.Tensor:
    """Decode the numbers of a stage."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(weights)), np.uint8).reshape(2, -1)
    return torch.from_numpy(planes[::-1].T.copy().view("<f2").flatten())


def flat(net: SigmoidMLP) -> torch.Tensor:
    return torch.cat([value.half().flatten() for value in net.state_dict().values()])


def test_nets(data: dict[str, Any], run: Path) -> None:
    """Names for learners, the weights as float16, the epochs of the stages, and the run's cost curve."""
    package, mine = data["nets"]["nets"]
    assert (package["name"], package["id"]) == ("Best net, 0.44% error", "ciresan10-1000-500-deskew")
    assert (mine["name"], mine["id"]) == ("Your run version_0, epoch 2", "version_0-best")
    assert (package["curve"], [stage["epoch"] for stage in package["stages"]]) == (None, [None])
    assert [stage["epoch"] for stage in mine["stages"]] == [0, 2]
    assert (mine["shown"], mine["eta"]) == (1, 1.0)
    for name, costs in CURVE.items():
        assert mine["curve"][name] == [[1, costs[0]], [2, costs[1]]]
    for described, path in ((package, nets_of_the_package()[-1]), (mine, run / "checkpoints" / "best.ckpt")):
        assert torch.equal(unpacked(described["stages"][described["shown"]]["weights"]), flat(load_net(path).net))


def test_digits(data: dict[str, Any], mnist: tuple[Examples, Examples]) -> None:
    """Real test and training images with their labels, and for each net some that it gets wrong."""
    for name, examples, count in (("digits", mnist[1], TEST_IMAGES), ("training", mnist[0], TRAINING_IMAGES)):
        pictures = data[name]
        png = base64.b64decode(pictures["sprite"].removeprefix("data:image/png;base64,"))
        grid = np.asarray(Image.open(io.BytesIO(png)))
        columns, labels = pictures["columns"], pictures["labels"]
        tiles = grid.reshape(-1, 28, columns, 28).transpose(0, 2, 1, 3).reshape(-1, 28 * 28)[: len(labels)]
        known = {image.numpy().tobytes(): int(label) for image, label in zip(*examples, strict=True)}
        assert [known[tile.tobytes()] for tile in tiles] == [int(label) for label in labels]
        assert len({tile.tobytes() for tile in tiles}) == len(labels) >= count
    assert data["digits"]["counted"] == TEST_IMAGES
    assert len(data["training"]["labels"]) == TRAINING_IMAGES
    for described in data["nets"]["nets"]:
        assert len(described["wrong"]) >= MISTAKES


def test_default_nets(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch, small_net: Trained) -> None:
    """The package's, and the newest run's best one; a run with other data stands alone."""
    monkeypatch.chdir(tmp_path)
    package = nets_of_the_package()[-1]
    assert default_nets() == [package]
    shutil.copytree(run.parent, "lightning_logs")
    newest = Path("lightning_logs/version_0/checkpoints/best.ckpt")
    assert default_nets() == [package, newest]
    monkeypatch.setattr(
        "mnist_mlp.demo.nets.load_net",
        lambda path: small_net._replace(data={"dataset": "KMNIST" if path == newest else "MNIST"}),
    )
    assert default_nets() == [newest]


def test_the_page_of_a_default_run_is_small(
    data: dict[str, Any],
    page_file: Path,
    tmp_path: Path,
) -> None:
    """At most 8 MB with the package's net and seven stages of 784-300-10. Random weights compress worst."""
    net = SigmoidMLP()
    halves = {name: value.half() for name, value in net.state_dict().items()}
    (tmp_path / "snapshots").mkdir()
    for epoch in (0, 1, 2, 4, 8, 14):
        save_file(halves, tmp_path / "snapshots" / f"epoch_{epoch:04}.safetensors")
    found = stages(tmp_path, net, besides=9)
    assert [stage.epoch for stage in found] == [0, 1, 2, 4, 8, 14]
    path = tmp_path / "net.safetensors"
    trained = load_net(nets_of_the_package()[-1])._replace(net=net, model={})
    path.write_bytes(to_safetensors(trained))
    one = len(described_net(path, trained, 0.02)["stages"][0]["weights"])
    small = len(page_file.read_bytes()) - len(json.dumps(data["nets"]["nets"][1]))
    assert small + 7 * one < MOST_BYTES


def test_stages_that_do_not_fit_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second one between the first and the last. Damaged files, and those of another net, are left out too."""
    net, other = SigmoidMLP(hidden_sizes=[2]), SigmoidMLP(hidden_sizes=[3])
    folder = tmp_path / "snapshots"
    folder.mkdir()
    for epoch in (0, 1, 2, 4, 8, 16):
        save_file(net.state_dict(), folder / f"epoch_{epoch:04}.safetensors")
    save_file(other.state_dict(), folder / "epoch_0032.safetensors")
    (folder / "epoch_0064.safetensors").write_bytes(b"damaged")
    broken = {name: value.clone().fill_(torch.inf) for name, value in net.state_dict().items()}
    save_file(broken, folder / "epoch_0128.safetensors")
    numbers = sum(value.numel() for value in net.parameters())
    for room, epochs in ((9, [0, 1, 2, 4, 8, 16]), (5, [0, 2, 8, 16]), (3, [0, 8, 16]), (2, [0, 16]), (1, [])):
        monkeypatch.setattr(demo_stages, "MOST_NUMBERS", room * numbers)
        assert [stage.epoch for stage in stages(tmp_path, net, besides=None)] == epochs
    assert [stage.epoch for stage in stages(tmp_path / "no run", net, besides=None)] == []
    assert cost_curve(tmp_path / "no run") is None


def test_weights_that_float16_cannot_hold(tmp_path: Path, small_net: Trained) -> None:
    net = SigmoidMLP(**small_net.model)
    with torch.no_grad():
        net.linear_layers[0].weight[0, 0] = 1e6
    with pytest.raises(InputError, match="holds weights above 65,504"):
        described_net(tmp_path / "net.safetensors", small_net._replace(net=net), 0.1)


def test_the_file_refers_to_nothing_else(page_file: Path) -> None:
    """No address of another file or host, and a policy that lets only the file's own scripts run."""
    text = page_file.read_text("utf-8")
    code = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL)
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|@import|url\(|fetch\(|XMLHttpRequest|WebSocket", code)
    assert set(re.findall(r'(?:src|href)="([^"]*)"', code)) == {"data:,"}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy[1]
    assert "connect-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]


def test_text_in_the_data_cannot_end_a_script() -> None:
    assert "</script><b>" not in page({"nets": "</script><b>"})


def test_modules_are_bundled_with_what_they_import() -> None:
    """Each once, before those that import it; the result is one script without import and export."""
    script = module("main.js")
    order = re.findall(r"^const (\w+_js) = ", script, re.MULTILINE)
    assert len(order) == len(set(order)) > 10
    assert order.index("dom_js") < order.index("drawing_js") < order.index("main_js")
    assert not re.search(r"^\s*(import|export) ", script, re.MULTILINE)
