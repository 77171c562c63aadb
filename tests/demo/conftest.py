"""The running demo server and the page in a browser, shared by the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.demo.browser import CHROMIUM, OPTIONS, Page
from tests.demo.serving import Server, serving
from tests.tools import need


@pytest.fixture(scope="session")
def server(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`python -m mnist_mlp.demo` in a folder with the small run, ended by Ctrl-C."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "lightning_logs").symlink_to(small_run.parent.parent.parent)
    (folder / "secret.ckpt").write_text("must not be readable")
    with serving(folder, "--ckpt", str(small_run)) as server:
        yield server


@pytest.fixture(scope="package")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options, service = webdriver.ChromeOptions(), Service(need("chromedriver"))  # Debian: chromium-driver
    options.binary_location = need(*CHROMIUM)
    for argument in (*OPTIONS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, server: Server) -> Iterator[Page]:
    """A freshly loaded page. After the test it shows no problem, and the browser's console holds no error."""
    page = Page(driver, server.url)
    yield page
    assert page.text("problem") == ""
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
