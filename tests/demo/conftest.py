"""The page, made once by the command, in a browser; shared by the tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from selenium import webdriver
from torch.utils.tensorboard import SummaryWriter

from mnist_mlp.demo.__main__ import demo
from mnist_mlp.demo.stages import COST
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from tests.browser import chromium
from tests.demo.browser import Page

CURVE = {"train": [0.03, 0.01], "validation": [0.02, 0.011]}  # the average cost after 1 and 2 epochs


@pytest.fixture(scope="session")
def run(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the small run, lightning_logs/version_0, with a cost curve and snapshots: the net before training."""
    folder = tmp_path_factory.mktemp("run") / "lightning_logs" / "version_0"
    shutil.copytree(small_run.parent.parent, folder)
    for name, costs in CURVE.items():
        with SummaryWriter(str(folder / name)) as writer:
            for epoch, cost in enumerate(costs, start=1):
                writer.add_scalar(COST, cost, epoch)
    (folder / "snapshots").mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        untrained = SigmoidMLP(hidden_sizes=[32]).state_dict()
    halves = {name: value.half() for name, value in untrained.items()}
    save_file(halves, folder / "snapshots" / "epoch_0000.safetensors", {"epoch": "0"})
    return folder


@pytest.fixture(scope="session")
def page_file(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with the package's net and the small run's."""
    path = tmp_path_factory.mktemp("page") / "page.html"
    nets = [nets_of_the_package()[-1], run / "checkpoints" / "best.ckpt"]
    demo(["--no-browser", "--out", str(path), "--ckpt", *map(str, nets)])
    return path


@pytest.fixture(scope="session")
def package_net() -> Trained:
    return load_net(nets_of_the_package()[-1])


@pytest.fixture(scope="session")
def half_net(small_net: Trained) -> Trained:
    """The small run's net as the page has it, rounded to float16."""
    net = SigmoidMLP(**small_net.model)
    net.load_state_dict({name: value.half().float() for name, value in small_net.net.state_dict().items()})
    return small_net._replace(net=net.eval())


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium"), browser="ALL", performance="ALL") as driver:
        yield driver


@pytest.fixture
def page(driver: webdriver.Chrome, page_file: Path) -> Iterator[Page]:
    """A freshly loaded page. After the test it shows no problem, and the browser's console holds no error."""
    page = Page(driver, page_file.as_uri())
    yield page
    assert page.text("problem") == ""
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.fixture
def small_page(page: Page, page_file: Path) -> Page:
    """The page with the small run's net selected."""
    page.open(f"{page_file.as_uri()}#net=version_0-best")
    return page


@pytest.fixture
def page_once(driver: webdriver.Chrome, page_file: Path) -> Page:
    """The page, maybe as another test has left it; for its modules."""
    return Page(driver, page_file.as_uri(), anew=False)
