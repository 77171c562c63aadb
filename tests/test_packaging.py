"""The wheel and the source distribution: what they hold, and that everything runs from them."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.command import ROOT, SMALL
from tests.tools import need_package

SOURCES = ["pyproject.toml", "README.md", "LICENSE", ".readme", "configs", "mnist_mlp", "tests"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project. Building writes into its folder."""
    folder = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def built(source: Path) -> tuple[Path, Path, str]:
    """The source distribution, the wheel that is built from it, and what the build printed."""
    need_package("build")
    need_package("hatchling")
    # Another folder as the current one: there, `python -m build` could mean a folder named build.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source.parent / "dist"), str(source)]
    result = subprocess.run(command, cwd=source.parent, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (archive,) = (source.parent / "dist").glob("*.tar.gz")
    (wheel,) = (source.parent / "dist").glob("*.whl")
    return archive, wheel, result.stdout + result.stderr


@pytest.fixture(scope="module")
def scripts(built: tuple[Path, Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of a new environment in which the wheel is installed; other packages are those of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    variables = {"base": str(folder), "platbase": str(folder)}
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    python = Path(sysconfig.get_path("scripts", scheme, variables)) / Path(sys.executable).name
    packages = Path(sysconfig.get_path("purelib", scheme, variables))
    # The .pth files of the other packages' folders do not count there, so a project installed with -e is not found.
    (packages / "others.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index"]
    need_package("pip")
    subprocess.run([*install, "--quiet", str(built[1])], check=True)
    return python.parent


def files_in(folder: Path, *names: str) -> set[str]:
    paths = [path for name in names for path in [folder / name, *(folder / name).rglob("*")]]
    return {path.relative_to(folder).as_posix() for path in paths if path.is_file()}


def test_the_source_distribution_is_complete(source: Path, built: tuple[Path, Path, str]) -> None:
    """It holds every file: also the tests with all that they read."""
    with tarfile.open(built[0]) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    made = {name for name in names if name == "PKG-INFO"}
    assert names - made == files_in(source, *SOURCES)


def test_the_wheel_is_complete(source: Path, built: tuple[Path, Path, str]) -> None:
    """It holds every file of the package, and the configs in a folder of the package."""
    with zipfile.ZipFile(built[1]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        text = wheel.read(metadata).decode()
        assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
    assert names == files_in(source, "mnist_mlp") | {f"mnist_mlp/{name}" for name in files_in(source, "configs")}
    assert "License-Expression: MIT\n" in text


def test_the_build_prints_no_deprecation(built: tuple[Path, Path, str]) -> None:
    assert not re.search("deprecat", built[2], re.IGNORECASE)


def run(scripts: Path, folder: Path, *arguments: str) -> str:
    """What the console script prints."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(scripts / "mnist-mlp"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_installed_commands_run_in_another_folder(
    built: tuple[Path, Path, str], scripts: Path, tmp_path: Path
) -> None:
    version = re.search(r"mnist_mlp-(.*?)-py3", built[1].name)
    assert version is not None
    assert run(scripts, tmp_path, "--version") == f"mnist_mlp {version[1]}\n"
    # The config comes from the package: it sets the net's learning rate.
    printed = run(scripts, tmp_path, "train", "--config", "nielsen-30", *SMALL[:6], "--trainer.max_epochs", "1")
    assert "test accuracy" in printed
    assert "nielsen" in (tmp_path / "lightning_logs/version_0/config.yaml").read_text()
    assert "version_0  " in run(scripts, tmp_path, "runs")
    picture = tmp_path / "seven.png"
    drawn = Image.new("L", (200, 200), "white")
    ImageDraw.Draw(drawn).line([(60, 50), (140, 50), (90, 160)], fill=0, width=14, joint="curve")
    drawn.save(picture)
    assert str(picture) in run(scripts, tmp_path, "predict", str(picture))
    need_package("matplotlib")
    run(scripts, tmp_path, "figures", "--only", "sigmoid", "--out", "drawn")
    assert len(list((tmp_path / "drawn").glob("figure_6_*"))) == 2


def test_the_installed_demo_writes_its_page(scripts: Path, tmp_path: Path) -> None:
    run(scripts, tmp_path, "demo", "--no-browser", "--out", "page.html")
    assert "Draw a digit" in (tmp_path / "page.html").read_text("utf-8")


def test_tests_run_from_the_source_distribution(built: tuple[Path, Path, str], scripts: Path, tmp_path: Path) -> None:
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    files = ["tests/test_schedule.py", "tests/test_docs.py", "tests/inference/test_find.py"]
    command = [str(scripts / "python"), "-m", "pytest", "-n", "0", "-k", "not train_command and not printed", *files]
    result = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
