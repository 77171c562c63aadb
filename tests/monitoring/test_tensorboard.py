"""TensorBoard itself, in headless Chromium: the cost curve is the first thing that it shows of a run."""

import json
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import redirect_stdout
from http.client import HTTPConnection
from io import StringIO
from pathlib import Path
from typing import Any

import lightning as L
import pytest
from lightning.pytorch.callbacks import Callback
from selenium import webdriver
from selenium.webdriver.support.wait import WebDriverWait

from mnist_mlp.train import train
from tests.browser import chromium
from tests.command import SMALL

COST = "1 by epoch/1 average cost"
ACCURACY = "1 by epoch/2 accuracy"
# Names that come before "by epoch" by the alphabet, capital letters and a punctuation mark among them.
OTHER_NAMES = ("!", "A", "accuracy", "average cost", "a/cost", "weight_norm")

# Elements that a selector finds, also in shadow roots. An element that is not displayed has no height.
FIND = """
const found = [];
const search = (root) => {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches(arguments[0]) && element.getBoundingClientRect().height) found.push(element);
    if (element.shadowRoot) search(element.shadowRoot);
  }
};
search(document);
"""
# Titles of cards and groups of TIME SERIES.
TITLES = FIND + "return found.map((element) => element.title);"
# The tags of the cards of SCALARS.
TAGS = FIND + "return found.map((element) => element.tag);"


class OtherMetrics(Callback):
    """Log metrics of a user's own."""

    counts_blocks = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for name in OTHER_NAMES:
            pl_module.log(name, 1.0)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small run with pictures, augmented images and metrics of other callbacks: its folder, and its output."""
    folder, output = tmp_path_factory.mktemp("run"), StringIO()
    callbacks = ["--trainer.callbacks+=LearningRateMonitor", f"--trainer.callbacks+={__name__}.OtherMetrics"]
    with redirect_stdout(output):
        train([*SMALL, "--data.rotation", "5", *callbacks, "--trainer.default_root_dir", str(folder)])
    return folder, output.getvalue()


@pytest.fixture(scope="module")
def port(printed: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a TensorBoard that has read the run."""
    log = tmp_path_factory.mktemp("tensorboard") / "log"
    command = [sys.executable, "-m", "tensorboard.main", "--host", "localhost", "--port", "0", "--logdir"]
    with log.open("w") as file:
        process = subprocess.Popen([*command, str(printed[0] / "lightning_logs")], stdout=file, stderr=file)
    try:
        address = None
        deadline = time.monotonic() + 120
        while address is None or not _has_read(int(address[1])):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
            address = re.search(r"http://localhost:(\d+)/", log.read_text())
        yield int(address[1])
    finally:
        process.terminate()
        process.wait(timeout=60)


def _has_read(port: int) -> bool:
    """Whether TensorBoard has read all folders of the run."""
    connection = HTTPConnection("localhost", port, timeout=60)
    connection.request("GET", "/data/plugin/timeseries/tags")
    tags = json.loads(connection.getresponse().read())
    connection.close()
    scalars, pictures = tags["scalars"]["runTagInfo"], tags["images"]["tagRunSampledInfo"]
    return {"version_0/train", "version_0/validation"} <= set(scalars) and bool(pictures)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as driver:
        yield driver


def shown(driver: webdriver.Chrome, url: str, script: str, selector: str, *expected: str) -> list[Any]:
    """Open a page; return what the script finds for the selector, as soon as all that is expected is there."""
    driver.get("about:blank")  # TensorBoard does not reload if only the part after "#" changes
    driver.get(url)
    found: list[Any] = []

    def complete(driver: webdriver.Chrome) -> bool:
        found[:] = driver.execute_script(script, selector)
        return set(expected) <= set(found)

    WebDriverWait(driver, 60, poll_frequency=0.1).until(complete, f"waited for {expected}")
    return found


def test_the_printed_link_shows_the_cost_curve_alone_and_unsmoothed(
    driver: webdriver.Chrome, printed: tuple[Path, str], port: int
) -> None:
    link = re.search(r"http://localhost:6006/\S*", printed[1].splitlines()[-1])
    assert link is not None
    url = link[0].replace(":6006", f":{port}")
    assert shown(driver, url, TITLES, "card-view tb-truncated-path", COST) == [COST]
    assert len(driver.execute_script(FIND + "return found;", "card-view")) == 1
    smoothing = 'input[type="number"][aria-labelledby="scalars-smoothing-label"]'
    assert driver.execute_script(FIND + "return found.map((element) => element.value);", smoothing) == ["0"]


def test_time_series_starts_with_the_cost(driver: webdriver.Chrome, port: int) -> None:
    """The first two cards; below them, other metrics, then pictures and histograms."""
    url = f"http://localhost:{port}/#timeseries"
    cards = shown(driver, url, TITLES, "card-view tb-truncated-path", COST, ACCURACY)
    assert cards[:2] == [COST, ACCURACY]
    groups = driver.execute_script(TITLES, "metrics-card-group-toolbar .group-title")
    assert groups[:3] == ["1 by epoch", "2 by weight update", "3 pictures"]
    assert {"activations", "biases", "lr-SGD", "a", *OTHER_NAMES} - {"a/cost"} <= set(groups[3:])


def test_scalars_start_with_the_cost(driver: webdriver.Chrome, port: int) -> None:
    cards = shown(driver, f"http://localhost:{port}/#scalars", TAGS, "tf-scalar-card", COST, ACCURACY)
    assert cards[:2] == [COST, ACCURACY]


def test_the_links_address_is_complete(printed: tuple[Path, str]) -> None:
    """No character ends the link early in a terminal, and it has the parameters that TensorBoard knows."""
    link = printed[1].split()[-1]
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)
    assert query == {"tagFilter": ["epoch.*cost"], "smoothing": ["0"]}
