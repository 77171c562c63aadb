"""The command `python -m mnist_mlp.predict`."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.confidence import is_sure
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form
from mnist_mlp.pictures.read import read_image
from mnist_mlp.predict import predict


def pictures(mnist: tuple[Examples, Examples], folder: Path, n: int = 12) -> None:
    """Save digits as a user's pictures 00.png, 01.png, ..., enlarged and dark on light."""
    folder.mkdir()
    for i, image in enumerate(mnist[0].images[:n]):
        Image.fromarray(255 - image.numpy()).resize((140, 140)).save(folder / f"{i:02}.png")
    (folder / "notes.txt").write_text("not a picture")
    (folder / "._00.png").write_text("a file that another system left")


def test_predict_in_a_process(
    small_run: Path, small_net: Trained, mnist: tuple[Examples, Examples], tmp_path: Path
) -> None:
    """A picture from stdin, a single file and a folder. Only JSON goes to stdout. The activations are the net's."""
    pictures(mnist, tmp_path / "digits")
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
    predictions = json.loads(result.stdout)
    names = [prediction["image"] for prediction in predictions]
    assert names == ["-", "turned.jpeg.webp", *(f"digits/{i:02}.png" for i in range(12))]
    assert predictions[0]["activations"] == predictions[5]["activations"]
    for prediction in predictions:
        assert list(prediction) == ["image", "box", "digit", "activations", "sure"]
        assert prediction["sure"] == is_sure(prediction["activations"])
        assert len(prediction["activations"]) == 10
        assert prediction["digit"] == np.argmax(prediction["activations"])
    images = [mnist_form(read_image(tmp_path / prediction["image"])) for prediction in predictions[1:]]
    expected = small_net.activations(torch.from_numpy(np.stack(images)))
    found = torch.tensor([prediction["activations"] for prediction in predictions[1:]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_predict_as_text_with_the_newest_run(
    small_run: Path,
    mnist: tuple[Examples, Examples],
    pretrained_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line per picture: its name, the digit, ten activations. stderr names the net."""
    pictures(mnist, Path("digits"), 3)
    Path("lightning_logs").symlink_to(small_run.parent.parent.parent)
    predict(["digits"])
    output = capsys.readouterr()
    assert output.err == "mnist_mlp: the net is lightning_logs/version_0/checkpoints/best.ckpt\n"
    lines = output.out.splitlines()
    assert lines[0].split() == ["image", "digit", *"0123456789"]
    for i, line in enumerate(lines[1:]):
        name, digit, *activations = line.removesuffix("  not sure").split()
        assert name == f"digits/{i:02}.png"
        assert int(digit) == np.argmax([float(a) for a in activations])
        assert len(activations) == 10


def predict_without_torch(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process that fails if torch or Lightning is imported."""
    program = (
        "import sys; from mnist_mlp.errors import run_command; from mnist_mlp.predict import predict\n"
        "try: run_command(predict)\n"
        "finally: assert not {'torch', 'lightning'} & sys.modules.keys()"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *args], cwd=folder, capture_output=True, text=True, check=False
    )


def test_bad_pictures_end_the_command_before_torch_is_imported(tmp_path: Path) -> None:
    """One sentence and exit code 2, without the seconds that torch takes to import."""
    result = predict_without_torch(tmp_path, "nowhere.png")
    assert result.returncode == 2
    assert re.fullmatch(r"mnist_mlp: error: nowhere\.png: it cannot be read \(No such .*\n", result.stderr)
    assert result.stdout == ""


def test_help_does_not_import_torch(tmp_path: Path) -> None:
    result = predict_without_torch(tmp_path, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: python -m mnist_mlp.predict")


def test_bad_input_of_predict(
    small_run: Path, pretrained_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each error is one sentence that names the problem."""
    Image.fromarray(np.pad(np.full((20, 3), 255, np.uint8), 10)).save("one.png")
    Image.new("RGB", (50, 50), "white").save("blank.png")
    Path("empty").mkdir()
    Path("text.png").write_text("not a picture")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    net = ["--ckpt", str(small_run)]
    for args, words in (
        ([], "image is missing"),
        (["blank.png", *net], r"blank\.png: nothing in it stands out"),
        (["text.png", *net], r"text\.png: it is not a picture"),
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


def test_pictures_that_cannot_be_used_are_named(
    small_run: Path, mnist: tuple[Examples, Examples], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its reason on stderr, the others are answered, and the command fails."""
    pictures(mnist, tmp_path / "digits", 2)
    (tmp_path / "digits" / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (tmp_path / "digits" / "page.pdf").write_bytes(b"%PDF-1.7" + bytes(100))
    (tmp_path / "digits" / "text.png").write_text("not a picture")
    Image.fromarray(255 - mnist[0].images[0].numpy()).save(tmp_path / "digits" / "old.jfif", "JPEG")
    with pytest.raises(InputError, match="3 of 6 pictures cannot be used"):
        predict([str(tmp_path / "digits"), "--json", "--ckpt", str(small_run)])
    output = capsys.readouterr()
    assert [Path(p["image"]).name for p in json.loads(output.out)] == ["00.png", "01.png", "old.jfif"]
    lines = output.err.splitlines()
    assert len(lines) == 3
    assert "page.pdf: it is a file of the format PDF" in lines[0]
    assert "phone.HEIC: it is a HEIC picture" in lines[1]
    assert "text.png: it is not a picture" in lines[2]


def test_several_digits_in_one_picture(
    small_run: Path, mnist: tuple[Examples, Examples], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is answered, from left to right, with its box. --explain draws what was found."""
    row = np.hstack([np.asarray(Image.fromarray(mnist[0].images[i].numpy()).resize((140, 140))) for i in (1, 3, 5)])
    Image.fromarray(255 - row).save(tmp_path / "row.png")
    predict([str(tmp_path / "row.png"), "--json", "--ckpt", str(small_run), "--explain", str(tmp_path / "why")])
    output = capsys.readouterr()
    predictions = json.loads(output.out)
    assert len(predictions) == 3
    for i, prediction in enumerate(predictions):
        left, top, right, bottom = prediction["box"]
        assert 140 * i <= left < right <= 140 * (i + 1)
        assert 0 <= top < bottom <= 140
    assert "row.png shows 3 digits, answered from left to right" in output.err
    drawing = np.asarray(Image.open(tmp_path / "why" / "row.png.png").convert("RGB")).reshape(-1, 3)
    assert (drawing == (0, 140, 60)).all(axis=1).any()
