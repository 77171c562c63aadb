"""The page in a real browser: digits are drawn on it, and it is worked with as people do. Needs Chromium."""

import base64
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from mnist_mlp.data.dataset import Examples
from mnist_mlp.inference.picture import mnist_form
from mnist_mlp.inference.trained import Trained
from tests.demo.serving import Server
from tests.demo.strokes import Point, strokes

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs Chromium and its chromedriver (Debian: chromium, chromium-driver)"
)

OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --disable-dev-shm-usage --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --window-size=1280,1000"
)
UPRIGHT = [[(0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8)]]  # a 1


class Page:
    """The page, as someone at the screen has it."""

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
        """Until all answers that the page waits for are shown."""
        self.wait(
            "answers", lambda: self.driver.find_element(By.TAG_NAME, "main").get_attribute("aria-busy") == "false"
        )

    def draw(self, lines: Sequence[Sequence[Point]], pointer: str = "mouse") -> None:
        """With the pen down along each of the lines; then wait for what the net makes of it."""
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
        """By their headings."""
        found = {}
        for row in self[table].find_elements(By.CSS_SELECTOR, "tbody tr"):
            found[row.find_element(By.TAG_NAME, "th").text] = [c.text for c in row.find_elements(By.TAG_NAME, "td")]
        return found

    def shades(self, canvas: str) -> NDArray[np.uint8]:
        """(height, width, 4), the colours of a canvas."""
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
        """Whether something reaches out of the window at the right."""
        return bool(self.run("return document.documentElement.scrollWidth > innerWidth"))


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (*OPTIONS.split(), f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver: webdriver.Chrome, server: Server) -> Iterator[Page]:
    """Opened anew; at the end, nothing was to complain of."""
    page = Page(driver, server.url)
    yield page
    assert page.text("problem") == ""
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_strokes_of_test_digits_are_recognised(
    page: Page, small_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """30 that the net knows in the original, drawn again with the page's pen: at least 28, it knows by their strokes.

    With a net of the default settings it was 199 of 200 (README).
    """
    images, labels = mnist[1]
    known = (small_net.activations(images[:60]).argmax(1) == labels[:60]).nonzero().flatten()[:30]
    guesses = []
    for i in known.tolist():
        page.draw(strokes(images[i].numpy()))
        guesses.append(page.guess)
        page.run("document.getElementById('clear').click()")
    right = [guess == str(label) for guess, label in zip(guesses, labels[known].tolist(), strict=True)]
    assert len(right) == 30
    assert sum(right) >= 28


def test_what_is_shown_is_what_the_net_gets(page: Page, small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """The image, pixel by pixel, is `mnist_form`'s of what is on the paper; bars and guess are the net's for it."""
    page.draw(strokes(mnist[0].images[5].numpy()))
    image = mnist_form(page.shades("#drawing")[:, :, 3])
    shown = page.shades("#layer-0 canvas")
    assert np.array_equal(255 - shown[:, :, 0], image)
    outputs = small_net.activations(torch.from_numpy(image)[None])[0]
    assert page.guess == page.text("guess") == str(int(outputs.argmax()))
    assert [number(text.split()[0]) for text in page.outputs()] == pytest.approx(outputs.tolist(), abs=0.0011)
    assert page.shades("#layer-1 canvas").shape == (6, 6, 4)  # 32 neurons


def test_the_picture_follows_the_stroke(page: Page, mnist: tuple[Examples, Examples]) -> None:
    """While the pen is down, and within 100 ms, unless other work keeps the processor busy: the quickest counts."""
    page.run(
        """
        window.measured = [];
        new PerformanceObserver((list) => measured.push(...list.getEntries().map((entry) => entry.duration)))
          .observe({entryTypes: ["measure"]});
        """
    )
    (line, *_) = strokes(mnist[0].images[7].numpy())
    deadline, quickest = time.monotonic() + 60, 1000.0
    while quickest >= 100 and time.monotonic() < deadline:  # other tests work beside this one
        page.draw([line])
        page.wait("measures", lambda: page.run("return measured.length") >= 3)
        quickest = min(page.run("return measured.splice(0)"))
    assert 0 < quickest < 100


def test_step_by_step(page: Page, small_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """Layers not come to are blank. The numbers of the chosen neuron add up, and are the net's."""
    page.draw(UPRIGHT)
    page.press("back")
    page.press("back")
    assert page.shades("#layer-1 canvas").max() == 0
    assert page.guess == ""
    assert not page["neuron"].is_displayed()
    assert not page["back"].is_enabled()
    page.press("next")
    assert page.shades("#layer-1 canvas").max() > 0
    assert page.outputs() == [""] * 10

    page["neuron-number"].clear()
    page["neuron-number"].send_keys("7")
    page.settle()
    image = torch.from_numpy(mnist_form(page.shades("#drawing")[:, :, 3]))
    layer = small_net.net.linear_layers[0]
    inputs = small_net.preprocessing(image[None])[0]
    bias = layer.bias[7].item()
    z = (layer.weight[7] @ inputs).item() + bias
    numbers = [number(text) for text in re.findall(r"−?\d+\.\d+|−?\d+(?:\.\d+)?e−?\d+", page.text("equation"))]
    assert numbers[:3] == pytest.approx([z - bias, abs(bias), z], abs=0.0011)
    assert numbers[3] == pytest.approx(1 / (1 + np.exp(-z)), abs=0.0011)
    summands = [number(cells[-1]) for cells in page.rows("summands").values()]
    assert sum(summands[:-1]) == pytest.approx(summands[-1], abs=0.01)

    grid = page.driver.find_element(By.CSS_SELECTOR, "#layer-1 canvas")  # of 6 rows and columns
    ActionChains(page.driver).move_to_element_with_offset(grid, 5, 5).click().perform()  # right of and below its middle
    page.settle()
    assert page["neuron-number"].get_attribute("value") == "21"
    page.press("strongest")
    assert page["neuron-number"].get_attribute("value") != "21"
    page["steps"].find_element(By.CSS_SELECTOR, "input:checked").send_keys(Keys.ARROW_RIGHT)
    page.settle()
    assert page.guess == "1"
    assert page["neuron-number"].get_attribute("value") == "1"


def test_an_update_and_its_undoing(page: Page, small_net: Trained) -> None:
    """The cost of the answer given, an update that lowers it, before and after; and exactly back."""
    page.draw(UPRIGHT)
    before = page.outputs()
    page.choose("digits", "7")
    image = torch.from_numpy(mnist_form(page.shades("#drawing")[:, :, 3]))
    outputs = small_net.activations(image[None])
    cost = small_net.net.cost(outputs, torch.tensor([7])).item()
    assert number(page.text("cost").split("= ")[-1]) == pytest.approx(cost, rel=1e-3)
    terms = page.rows("terms")
    assert [number(cells[2]) for cells in terms.values()] == pytest.approx(
        (outputs[0] - torch.eye(10)[7]).square().tolist(), abs=0.0011
    )
    assert list(page.rows("gradient")) == ["Hidden layer", "Output"]

    page["eta"].clear()
    page["eta"].send_keys("30")
    page.press("update")
    was, now = zip(*(text.split(" → ") for text in page.outputs()), strict=True)
    assert [text.removesuffix(" ◀") for text in before] == list(was)
    assert number(now[7]) > number(was[7])
    assert page.text("updates") == "1 weight update made"
    assert "with η = 30" in page.text("effect")
    page.press("update")
    page.press("undo")
    assert page.text("updates") == "1 weight update made"
    page.press("undo-all")
    assert page.outputs() == before
    assert page.rows("terms") == terms
    assert not page["undo"].is_displayed()

    page["eta"].clear()
    page["eta"].send_keys("-1")
    page.press("update")
    assert page.text("problem") == "Give a number above 0 for η."
    page.clear()
    assert page.text("problem") == ""


def test_two_tabs(page: Page, server: Server) -> None:
    """Each has a net of its own. A busy browser merges a pen's movements, so the same 1 may differ between them."""
    page.draw(UPRIGHT)
    page.choose("digits", "7")
    terms, first = page.rows("terms"), page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    other = Page(page.driver, server.url)
    other.draw(UPRIGHT)
    other.choose("digits", "7")
    outputs = other.outputs()
    other.press("update")
    assert [text.split(" → ")[0] for text in other.outputs()] == [text.removesuffix(" ◀") for text in outputs]
    page.driver.close()
    page.driver.switch_to.window(first)
    page.choose("digits", "8")
    assert page.rows("terms") != terms
    page.choose("digits", "7")
    assert page.rows("terms") == terms


def test_a_net_that_the_server_has_dropped_is_opened_anew(page: Page, server: Server) -> None:
    for _ in range(16):
        server.open()
    page.draw(UPRIGHT)
    assert page.guess == "1"
    page.driver.get_log("browser")  # the answer was 404


def test_another_net_is_chosen(page: Page) -> None:
    page.draw(UPRIGHT)
    page["net"].send_keys("version_0: last")
    page.settle()
    assert page["net"].get_attribute("value") == "version_0: last.ckpt"
    assert page.guess == "1"


def test_by_keyboard(page: Page) -> None:
    """A 1 is drawn and cleared by keys. Tab comes to every control, which has a name and shows its focus."""
    for _ in range(2):
        page.keys(Keys.TAB)
    assert page.driver.switch_to.active_element.get_attribute("id") == "drawing"
    assert page["pen"].is_displayed()
    page.keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 10, Keys.SPACE, *[Keys.ARROW_RIGHT] * 3)
    assert page.guess == "1"
    ink = page.shades("#drawing")[:, :, 3]
    assert ink[70:210, 140].min() == 255
    assert ink[:, 160:].max() == 0
    page.choose("digits", "7")
    page.press("update")
    page["net"].click()
    page.keys(Keys.ESCAPE)

    reached = []
    for _ in range(14):
        focused = page.driver.switch_to.active_element
        reached.append(focused.get_attribute("id") or focused.get_attribute("name"))
        assert focused.accessible_name
        shown = (
            focused.find_element(By.XPATH, "following-sibling::span")
            if focused.get_attribute("type") == "radio"
            else focused
        )
        assert shown.value_of_css_property("outline-style") == "solid"
        page.keys(Keys.TAB)
        if page.run("return document.activeElement === document.body"):
            break
    assert reached == [
        *("net", "drawing", "clear", "back", "step", "neuron-number", "strongest"),
        *("digit", "eta", "update", "undo", "undo-all"),
    ]
    page["drawing"].send_keys(Keys.DELETE)
    page.settle()
    assert page.shades("#drawing").max() == 0
    assert page.guess == ""


def test_a_telephone(page: Page) -> None:
    """360 pixels wide, by touch: nothing is cut off, controls are large enough for a finger."""
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert not page.cut_off()
        page.draw(UPRIGHT, pointer="touch")
        assert page.guess == "1"
        page.choose("digits", "7")
        page.press("update")
        assert not page.cut_off()
        for control in page.driver.find_elements(By.CSS_SELECTOR, "button, select, input"):
            if control.is_displayed():
                assert min(control.size["width"], control.size["height"]) >= 32
        page.press("back")
        assert not page.cut_off()
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_nothing_comes_from_elsewhere(page: Page, server: Server) -> None:
    page.draw(UPRIGHT)
    loaded = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(loaded) >= 5
    assert all(name.startswith(server.url) for name in loaded)
