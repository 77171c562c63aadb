"""The code is clean by its own rules, and the README's two commands are what they should be."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ALLOWED = {"pyproject.toml", "mnist_mlp", "configs", "tests", "lightning_logs", "README.md", "LICENSE"}


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join
)
def test_clean(command: list[str]) -> None:
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_top_level_holds_what_the_design_says() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    top = {path.split("/")[0] for path in tracked.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= ALLOWED


def test_readme_opens_with_the_two_commands() -> None:
    commands = re.findall(r"^(python -m .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert commands[:2] == [
        "python -m pip install -e . && python -m mnist_mlp.train",
        "python -m pip install -e '.[test]' && python -m pytest",
    ]


def test_data_flows_one_way() -> None:
    """Nothing on the way from the data to the command imports what comes after it."""
    order = [
        "errors",
        "files",
        "dataset",
        "resampling",
        "deskew",
        "augmentation",
        "batches",
        "data",
        "schedule",
        "initialization",
        "scores",
        "backprop",
        "engine",
        "model",
        "layers",
        "checkpoint",
        "digit",
        "trained",
        "logger",
        "callbacks",
        "inspection",
        "drawing",
        "pictures",
        "options",
        "train",
        "predict",
        "evaluate",
        "export",
        "figure_example",
        "figure_training",
        "figure_drawing",
        "figures",
        "results",
        "demo_net",
        "demo_app",
        "demo",
    ]
    modules = {path.stem for path in (ROOT / "mnist_mlp").glob("*.py")} - {"__init__"}
    assert modules == set(order)
    for place, name in enumerate(order):
        text = (ROOT / "mnist_mlp" / f"{name}.py").read_text()
        for imported in re.findall(r"^\s*from mnist_mlp\.(\w+) import", text, re.MULTILINE):
            assert order.index(imported) < place, f"{name} imports {imported}"
