"""The command `python -m mnist_mlp.export`: onnxruntime computes the same activations, and no file is overwritten."""

import json
import re
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mnist_mlp.activations import ACTIVATIONS
from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.export import export
from mnist_mlp.inference.forward import copied_layers
from mnist_mlp.inference.load import METADATA_KEY, load_net
from mnist_mlp.inference.onnx import to_onnx
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.inference.conftest import assert_same_net
from tests.tools import need_package


def assert_onnxruntime_agrees(content: bytes, net: Trained, images: Tensor) -> None:
    """Up to rounding, for batches of several sizes, from pixels 0 for paper to 1 for ink."""
    onnxruntime = need_package("onnxruntime")
    exact, rounding = activations_and_rounding(net, images[:1_000])
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert [(i.name, i.shape) for i in session.get_inputs()] == [("images", ["batch", 1, 28, 28])]
    assert [(o.name, o.shape) for o in session.get_outputs()] == [("activations", ["batch", 10])]
    for n in (1, 7, 1_000):
        pixels = (images[:n, None].double() / 255).float().numpy()
        activations = session.run(["activations"], {"images": pixels})[0]
        error = torch.from_numpy(activations) - exact[:n]
        assert bool(error.abs().le(rounding[:n]).all())
        assert float(error.square().mean().sqrt()) < 1e-6  # most errors are much smaller than their bounds


def activations_and_rounding(net: Trained, images: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the activations in float64, and a bound of the error that float32 makes of each of them.

    A sum of n products has an error of at most n u Σ |w a|, in any order of summation, where u = 2^-24 is the unit
    roundoff (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). A layer passes on the error of
    the layer below, |W| times, and σ multiplies it by σ′(z); the term with its square bounds the rest, as |σ″| < 2.

    Returns:
        Two (B, 10) float64.
    """
    u, preprocessing = 2.0**-24, net.preprocessing
    a = preprocessing.upright(images).flatten(1).double() * preprocessing.factor + preprocessing.offset
    # Deskewing finds a pixel's source to a few units in the last place of 28, which is 2e-6 pixels.
    error = 4 * u * (a.abs() + abs(preprocessing.offset)) + preprocessing.deskew * 1e-5 * 255 * preprocessing.factor
    for layer in copied_layers(net.net, torch.float64):
        w, bias = layer.weight.abs().T, torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias
        error = error @ w + (len(w) + 2) * u * ((a.abs() + error) @ w + bias.abs())
        sigma = ACTIVATIONS[layer.activation]
        a = sigma.sigma(a @ layer.weight.T + bias)
        error = sigma.sigma_prime(a) * error + error.square() + 8 * u  # σ itself is computed to a few u
    return a, error


def test_export_onnx(
    small_run: Path,
    small_net: Trained,
    mnist: tuple[Examples, Examples],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One file with the settings inside, and one line of output: the exporter's own messages are hidden."""
    onnx = need_package("onnx")
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
    """Two hidden layers, tanh, no biases; with deskewing, which the ONNX file does itself, and without."""
    torch.manual_seed(0)
    net = SigmoidMLP([12, 11], activation="tanh", bias=False).eval()
    for deskew in (False, True):
        other = small_net._replace(net=net, preprocessing=small_net.preprocessing._replace(deskew=deskew))
        assert_onnxruntime_agrees(to_onnx(other), other, mnist[0].images)


def test_half_the_bytes_give_nearly_the_same_net(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """The weights are those of the net, rounded to float16. They are read as float32."""
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    export(["--out", str(whole), "--ckpt", str(small_run)])
    export(["--out", str(half), "--ckpt", str(small_run), "--half"])
    assert half.stat().st_size < 0.55 * whole.stat().st_size
    read, images = load_net(half), mnist[0].images[:1_000]
    for rounded, weight in zip(read.net.parameters(), small_net.net.parameters(), strict=True):
        assert rounded.dtype == torch.float32
        assert torch.equal(rounded, weight.half().float())
    assert not torch.equal(read.activations(images), small_net.activations(images))
    assert (read.preprocessing, read.model, read.data) == (small_net.preprocessing, small_net.model, small_net.data)


def test_export_overwrites_only_with_force(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    net = ["--ckpt", str(small_run)]
    Path("net.safetensors").write_text("the user's")
    Path("folder.onnx").mkdir()
    for args, words in (
        (["--out", "net.safetensors"], r"net\.safetensors already exists; .*--force"),
        (["--out", "folder.onnx", "--force"], r"folder\.onnx already exists"),
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
    assert_same_net(load_net("net.safetensors"), load_net(small_run), torch.zeros(1, 28, 28, dtype=torch.uint8))
    assert Path("net.safetensors").read_bytes() == Path("net.bin").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"net.safetensors", "net.bin", "folder.onnx"}
    assert capsys.readouterr().out.count("wrote") == 2


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_export_without_its_packages(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    """A None in `sys.modules` makes Python's import of that module fail."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match="python -m pip install onnx onnxscript"):
        export(["--out", str(tmp_path / "net.onnx"), "--ckpt", str(small_run)])
    assert list(tmp_path.iterdir()) == []
