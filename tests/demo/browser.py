"""The page in a real browser, worked with as a user does, and its modules called one by one."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from mnist_mlp.demo.bundle import module
from tests.demo.strokes import Point

UPRIGHT = [[(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8)]]  # a 1

# Draws digits one after the other by the page's pen and returns each guess with the drawing as PNG. Each digit is a
# list of lines, each line a list of points.
DRAW_ALL = """
const canvas = document.getElementById("drawing");
const painted = () => new Promise((then) => requestAnimationFrame(() => setTimeout(then)));
const send = (type, [x, y]) => {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  const place = { clientX: left + x * width, clientY: top + y * height };
  canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, button: 0, bubbles: true, ...place }));
};
const found = [];
for (const lines of arguments[0]) {
  for (const line of lines) {
    send("pointerdown", line[0]);
    for (const point of line.slice(1)) send("pointermove", point);
    send("pointerup", line.at(-1));
  }
  await painted();
  found.push([document.getElementById("guess").textContent, canvas.toDataURL()]);
  document.getElementById("clear").click();
}
return found;
"""


class Page:
    """The page as a user sees and operates it."""

    def __init__(self, driver: webdriver.Chrome, url: str, anew: bool = True) -> None:
        self.driver = driver
        if anew or driver.current_url.split("#")[0] != url:
            self.open(url)

    def open(self, url: str) -> None:
        self.driver.get("about:blank")  # another part after "#" alone would not load the page again
        self.driver.get(url)
        self.settle()

    def __getitem__(self, name: str) -> WebElement:
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return self[name].text

    def run(self, script: str, *args: object) -> Any:
        """Run a script in the page; it may await."""
        return self.driver.execute_script(f"return (async function () {{ {script} }}).apply(null, arguments);", *args)

    def call(self, names: Sequence[str], script: str, *args: object) -> Any:
        """Run a script with the exports of these modules of the page."""
        return self.run("".join(_exports_of(name) for name in names) + script, *args)

    def wait(self, for_what: str, condition: Any) -> None:
        WebDriverWait(self.driver, 30, poll_frequency=0.02).until(lambda _: condition(), f"waited for {for_what}")

    def settle(self) -> None:
        """Wait until all parts of the page show the current drawing, net and settings."""
        self.wait(
            "the page", lambda: self.driver.find_element(By.TAG_NAME, "main").get_attribute("aria-busy") == "false"
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

    def draw_all(self, digits: Sequence[Sequence[Sequence[Point]]]) -> list[tuple[str, NDArray[np.uint8]]]:
        """Draw each digit on a clean paper; return the guesses, and the drawings as (280, 280) bytes of ink."""
        found = self.run(DRAW_ALL, digits)
        return [(guess, _alpha(base64.b64decode(png.split(",")[1]))) for guess, png in found]

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
        return self.text("guess")

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
        url = self.run("return document.querySelector(arguments[0]).toDataURL();", canvas)
        with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as image:
            return np.asarray(image.convert("RGBA"))

    def cut_off(self) -> bool:
        """Whether something is cut off at the window's right edge."""
        return bool(self.run("return document.documentElement.scrollWidth > innerWidth;"))


def _exports_of(name: str) -> str:
    """Return a script that makes the exports of a module names of the script."""
    exports = module(name).splitlines()[-1].removeprefix("const ").split(" = ")[0]
    return f"const {exports} = (() => {{ {module(name)} return {exports}; }})();\n"


def _alpha(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA"))[:, :, 3]


def number(text: str) -> float:
    """Read a number as the page prints it, with a minus sign instead of a hyphen."""
    return 0.0 if text == "≈ 0" else float(text.replace("−", "-"))
