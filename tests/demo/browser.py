"""The page in a real browser, headless Chromium, worked with as a user does."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.demo.strokes import Point

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # the program's names
OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --window-size=1280,1000"
)
UPRIGHT = [[(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8)]]  # a 1


class Page:
    """The page as a user sees and operates it."""

    def __init__(self, driver: webdriver.Chrome, url: str) -> None:
        self.driver = driver
        driver.get(url)
        self.wait("the net's name", lambda: self.text("description"))

    def __getitem__(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return self[name].text

    def run(self, script: str, *args: object) -> Any:
        return self.driver.execute_script(script, *args)

    def wait(self, for_what: str, condition: Any) -> None:
        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: condition(), f"waited for {for_what}")

    def settle(self) -> None:
        """Wait until the page shows all answers that it has requested."""
        self.wait(
            "answers", lambda: self.driver.find_element(By.TAG_NAME, "main").get_attribute("aria-busy") == "false"
        )

    def draw(self, lines: Sequence[Sequence[Point]], pointer: str = "mouse") -> None:
        """Draw the lines, then wait for the net's answer."""
        left, top, size = self.run(
            """
            document.getElementById("drawing").scrollIntoView({block: "center"});
            const box = document.getElementById("drawing").getBoundingClientRect();
            return [box.left, box.top, box.width];
            """
        )
        device = PointerInput(pointer, pointer)
        actions = ActionBuilder(self.driver, mouse=device, duration=0)
        for line in lines:
            places = [(round(left + x * size), round(top + y * size)) for x, y in line]
            device.create_pointer_move(duration=0, x=places[0][0], y=places[0][1], origin="viewport")
            device.create_pointer_down(button=0)
            for x, y in places[1:]:
                device.create_pointer_move(duration=0, x=x, y=y, origin="viewport")
            device.create_pointer_up(button=0)
        actions.perform()
        self.settle()

    def clear(self) -> None:
        self.press("clear")

    def press(self, name: str) -> None:
        self[name].click()
        self.settle()

    def choose(self, group: str, label: str) -> None:
        for choice in self[group].find_elements(By.TAG_NAME, "label"):
            if choice.text == label:
                choice.click()
        self.settle()

    def keys(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    @property
    def guess(self) -> str:
        return self.text("short-guess").removeprefix("Guess: ")

    def outputs(self) -> list[str]:
        return [value.text for value in self.driver.find_elements(By.CSS_SELECTOR, "#bars .value")]

    def rows(self, table: str) -> dict[str, list[str]]:
        """Return the cells of each row of a table, by the row's heading."""
        found = {}
        for row in self[table].find_elements(By.CSS_SELECTOR, "tbody tr"):
            found[row.find_element(By.TAG_NAME, "th").text] = [c.text for c in row.find_elements(By.TAG_NAME, "td")]
        return found

    def shades(self, canvas: str) -> NDArray[np.uint8]:
        """Return the colours of a canvas, (height, width, 4)."""
        width, height, pixels = self.run(
            """
            const canvas = document.querySelector(arguments[0]);
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, canvas.height, btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""))];
            """,
            canvas,
        )
        return np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(height, width, 4)

    def cut_off(self) -> bool:
        """Whether something is cut off at the window's right edge."""
        return bool(self.run("return document.documentElement.scrollWidth > innerWidth"))


def number(text: str) -> float:
    """Read a number as the page prints it, with a minus sign instead of a hyphen."""
    return float(text.replace("−", "-"))
