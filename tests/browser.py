"""Headless Chromium, for the tests of pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.tools import need

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # the program's names
OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --window-size=1280,1000"
)


@contextmanager
def chromium(folder: Path, **logs: str) -> Iterator[webdriver.Chrome]:
    """Run Chromium with its profile in an empty folder. A test without Chromium is skipped.

    Args:
        folder: the folder.
        logs: the levels of the logs to keep, such as browser="ALL".
    """
    options, service = webdriver.ChromeOptions(), Service(need("chromedriver"))  # Debian: chromium-driver
    options.binary_location = need(*CHROMIUM)
    for argument in (*OPTIONS.split(), f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", logs)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()
