"""The project keeps its own rules: clean code, small modules, imports in one direction, a short README."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from packaging.version import Version

from tests.command import ROOT
from tests.tools import missing

ALLOWED = {"pyproject.toml", "mnist_mlp", "configs", "tests", "lightning_logs", "README.md", "LICENSE"}
PACKAGE = ROOT / "mnist_mlp"
# A module or folder imports only what stands before it.
ORDER = [
    *["errors", "files", "options", "activations", "backprop", "initialization", "schedule", "checks", "pictures"],
    *["data", "metrics", "lightning_private", "resume", "model", "fast", "inference", "monitoring", "training"],
    *["train", "runs", "predict", "evaluate", "export", "results", "figures", "demo", "__main__"],
]


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]], ids=" ".join
)
def test_clean(command: list[str]) -> None:
    """By the type hints of current libraries: older ones have others, or none."""
    if command == ["mypy"] and Version(torch.__version__) < Version("2.10"):
        pytest.skip("type hints are checked with PyTorch 2.10 or newer")
    result = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_top_level_holds_what_the_design_says() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        missing("needs a git checkout")
    top = {path.split("/")[0] for path in tracked.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= ALLOWED


def test_imports_run_one_way() -> None:
    """By module and by folder. Imports inside functions count; those for type hints only do not."""
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms - {"__init__"} == set(ORDER)
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        code = re.sub(r"^if TYPE_CHECKING:\n(?:    .*\n)+", "", path.read_text(), flags=re.MULTILINE)
        for dotted, name in re.findall(r"^ *from mnist_mlp(?:\.(\w+))?[\w.]* import (\w+)", code, re.MULTILINE):
            imported = dotted or name
            if room not in ("__init__", imported):
                assert ORDER.index(imported) < ORDER.index(room), f"{path.relative_to(ROOT)} imports {imported}"


def test_modules_are_short() -> None:
    """At most 300 lines; model.py, read first, at most 150, without a word of the closed form."""
    model = (PACKAGE / "model.py").read_text()
    assert model.count("\n") <= 150
    assert not re.search(r"fast|engine|closed_form|Block", model)
    for path in [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js"), *(ROOT / "tests").rglob("*.py")]:
        assert path.read_text("utf-8").count("\n") <= 300, path


def test_lightnings_private_parts_are_used_in_one_file() -> None:
    private = re.compile(r"\b(?:trainer|loop|callback|logger|super\(\))(?:\.\w+)*\._[a-z]|epoch_loop|_get_next_version")
    for path in PACKAGE.rglob("*.py"):
        if path.name != "lightning_private.py":
            assert not private.search(path.read_text()), path


def test_configs_explain_themselves_in_eight_lines() -> None:
    for path in (ROOT / "configs").glob("*.yaml"):
        comment = re.match(r"(?:#.*\n)+", path.read_text())
        assert comment is not None, path
        assert comment[0].count("\n") <= 8, path


def test_readme_is_for_newcomers() -> None:
    """At most 9 KB; it begins with the two commands."""
    readme: Path = ROOT / "README.md"
    assert len(readme.read_bytes()) <= 9_216
    commands = re.findall(r"^(python -m .*)$", readme.read_text(), re.MULTILINE)
    assert commands[:2] == [
        "python -m pip install -e . && python -m mnist_mlp.train",
        "python -m pip install -e '.[test]' && python -m pytest",
    ]
