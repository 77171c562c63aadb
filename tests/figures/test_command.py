"""The command, figures/__main__.py, and the list of the figures, figures/registry.py."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mnist_mlp.errors import InputError
from mnist_mlp.figures.__main__ import NAMES, NUMBERS, figures
from mnist_mlp.figures.registry import FIGURES


def test_the_figures_are_in_the_articles_order() -> None:
    assert list(NAMES) == ["net", "neuron", "answers", "cost", "gradient", "sigmoid", "xor", "ablations", "errors"]
    assert list(FIGURES) == list(NAMES)


def test_the_command_writes_all_figures(small_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It writes PNG, SVG and TensorBoard's IMAGES to the run's folder. A second call writes the same bytes."""
    out = small_run.parent.parent / "figures"
    figures(["--ckpt", str(small_run), "--ablation_epochs", "1"])
    assert f"wrote 18 files to {out}" in capsys.readouterr().out
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
    assert len(list(out.iterdir())) == 18 + 1
    events = EventAccumulator(str(out))
    events.Reload()
    assert sorted(events.Tags()["images"]) == [f"figures/{name}" for name in names]
    for name in names:
        (shown,) = events.Images(f"figures/{name}")
        assert shown.width == 1520


BAD: dict[str, tuple[list[str], str]] = {
    "unknown figure": (["--only", "1", "nett"], "there is no figure 'nett'; --only takes net, neuron, .*, errors"),
    "figure 10": (["--only", "10"], "there is no figure '10'"),
    "digit": (["--digit", "12"], "--digit is '12'; it takes a whole number from 0 to 9"),
    "seed": (["--seed", "-1"], "--seed is '-1'; it takes a whole number"),
    "no epochs": (["--ablation_epochs", "0"], "--ablation_epochs is '0'; it takes a whole number, 1 or more"),
    "a file": (["--out", "file"], "cannot write to the folder file"),
    "below a file": (["--out", "file/figures"], "cannot write to the folder file/figures"),
}


@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_bad_options_raise_input_error(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("kept")
    with pytest.raises(InputError, match=words):
        figures(["--ckpt", str(small_run), *options])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_missing_matplotlib_raises_input_error(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    sentence = r"^for figures the package matplotlib is needed; install it: python -m pip install matplotlib\.$"
    with pytest.raises(InputError, match=sentence):
        figures(["--ckpt", str(small_run)])


@pytest.mark.parametrize(
    ("option", "code", "output"),
    [("--help", 0, "usage: python -m mnist_mlp.figures"), ("--digit=3", 2, "matplotlib is needed")],
)
def test_without_matplotlib_the_command_imports_nothing_slow(
    tmp_path: Path, option: str, code: int, output: str
) -> None:
    """In a process of its own. `--help` works, and all else ends before torch is imported."""
    program = (
        "import runpy, sys\n"
        "sys.modules.update(matplotlib=None, torch=None, lightning=None)  # an import of these fails\n"
        f"sys.argv = ['figures', {option!r}]\n"
        "runpy.run_module('mnist_mlp.figures', run_name='__main__')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == code, result.stderr
    assert output in result.stdout + result.stderr


def test_a_missing_checkpoint_gives_one_line_and_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mnist_mlp.figures", "--ckpt", "none.ckpt"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("mnist_mlp: error: there is no checkpoint none.ckpt")
    assert len(result.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
