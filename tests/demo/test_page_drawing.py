"""Drawing and taking digits on the page in a browser. Needs Chromium."""

import numpy as np
import pytest
import torch
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_mlp.data.dataset import Examples
from mnist_mlp.inference.confidence import MARGIN, SURE
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import mnist_form
from tests.demo.browser import UPRIGHT, Page, number
from tests.demo.strokes import strokes


def test_the_page_shows_what_the_net_gets(
    small_page: Page, half_net: Trained, mnist: tuple[Examples, Examples]
) -> None:
    """The image shown is `mnist_form` of the canvas, pixel by pixel. Bars and guess are the net's answer to it."""
    page = small_page
    page.draw(strokes(mnist[0].images[5].numpy()))
    image = mnist_form(np.pad(page.shades("#drawing")[:, :, 3], 2))
    assert np.array_equal(255 - page.shades("#layer-0 canvas")[:, :, 0], image)
    outputs = half_net.activations(torch.from_numpy(image)[None])[0]
    assert page.guess == str(int(outputs.argmax()))
    assert [number(text) for text in page.outputs()] == pytest.approx(outputs.tolist(), abs=0.00051)
    assert page.shades("#layer-1 canvas").shape == (6, 6, 4)  # 32 neurons


def test_another_digit_and_one_that_the_net_gets_wrong(small_page: Page, mnist: tuple[Examples, Examples]) -> None:
    """Each is a test image with its label, and says whether the guess is right."""
    page = small_page
    images = {image.numpy().tobytes(): str(int(label)) for image, label in zip(*mnist[1], strict=True)}
    for button, verdicts in (("another", {"✓ right", "✗ wrong"}), ("mistake", {"✗ wrong"})):
        for _ in range(3):
            page.press(button)
            label = page.text("source").split()[-1]
            assert page.text("verdict") in verdicts
            assert (page.text("verdict") == "✓ right") == (page.guess == label)
            assert images[(255 - page.shades("#layer-0 canvas")[:, :, 0]).tobytes()] == label
    page["net"].send_keys("Best")
    page.settle()
    page.press("mistake")
    assert page.text("verdict") == "✗ wrong"


def test_sure_or_not(page_once: Page) -> None:
    """By the same numbers as in Python: a weak answer, two that are close, a sure one."""
    cases = [[0.0, SURE - 0.01], [SURE, SURE + MARGIN - 0.01], [0.0, SURE + 0.01], [0.3, 0.3 + MARGIN + SURE]]
    found = page_once.call(
        ["data.js", "state.js"],
        """
        const { sure, margin } = readNets();
        Object.assign(state, { sure, margin });
        return arguments[0].map((outputs) => doubt(Float64Array.from(outputs)));
        """,
        cases,
    )
    assert found == ["weak", 0, None, None]


def test_clear(page: Page) -> None:
    """Clears the drawing, the numbers and the right answer."""
    page.press("another")
    assert "digit=" in page.driver.current_url
    page.draw(UPRIGHT)
    page.press("tab-update")
    page.choose("digits", "7")
    assert page["digits"].find_elements(By.CSS_SELECTOR, "input:checked")
    page.press("clear")
    assert page.shades("#drawing").max() == 0
    assert (page.guess, page.text("source"), page.text("sureness")) == ("", "", "")
    assert page["digits"].find_elements(By.CSS_SELECTOR, "input:checked") == []
    assert "digit=" not in page.driver.current_url


def test_the_keyboard(small_page: Page) -> None:
    """A 1 is drawn and cleared by keys. Tab reaches every control, and each has a name and shows its focus."""
    page = small_page
    for _ in range(2):
        page.keys(Keys.TAB)
    assert page.driver.switch_to.active_element.get_attribute("id") == "drawing"
    assert page["pen"].is_displayed()
    page.keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 10, Keys.SPACE, *[Keys.ARROW_RIGHT] * 3)
    assert page.guess == "1"
    ink = page.shades("#drawing")[:, :, 3]
    assert ink[70:210, 140].min() == 255
    assert ink[:, 160:].max() == 0
    reached: list[str | None] = []
    while not reached or reached[-1] != "strongest":
        assert len(reached) < 12, reached
        focused = page.driver.switch_to.active_element
        reached.append(focused.get_attribute("id") or focused.get_attribute("name"))
        assert focused.accessible_name
        radio = focused.get_attribute("type") == "radio"
        shown = focused.find_element(By.XPATH, "following-sibling::span") if radio else focused
        assert shown.value_of_css_property("outline-style") == "solid"
        page.keys(Keys.TAB)
    expected = ["drawing", "clear", "another", "mistake", "tab-steps", "back", "step", "neuron-number", "strongest"]
    assert reached == expected
    page["tab-steps"].send_keys(Keys.ARROW_RIGHT)
    assert page["tab-update"].get_attribute("aria-selected") == "true"
    assert page["panel-update"].is_displayed()
    page["drawing"].send_keys(Keys.DELETE)
    page.settle()
    assert page.shades("#drawing").max() == 0
    assert page.guess == ""


def test_a_phone(small_page: Page) -> None:
    """On a touch screen 360 pixels wide, nothing is cut off, and controls are large enough for a finger."""
    page = small_page
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.draw(UPRIGHT, pointer="touch")
        assert page.guess == "1"
        for tab in ("steps", "update", "stages", "lab"):
            page.press(f"tab-{tab}")
            if tab == "update":
                page.choose("digits", "7")
                page.press("update")
            assert not page.cut_off(), tab
            for control in page.driver.find_elements(By.CSS_SELECTOR, "button:not(.link), select, input"):
                if control.is_displayed() and control.get_attribute("type") != "checkbox":
                    assert min(control.size["width"], control.size["height"]) >= 32, control.get_attribute("id")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_net_is_seen_without_scrolling(page: Page, width: int, height: int) -> None:
    """Paper, input, layers, outputs and guess, with the package's net."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 400}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.press("another")
        page.run("scrollTo(0, 0);")
        for name in ("drawing", "layer-0", "layer-1", "layer-2", "bars", "guess", "clear"):
            box = page.run(f"return document.getElementById('{name}').getBoundingClientRect().toJSON();")
            assert box["width"] > 20, name
            assert 0 <= box["left"] <= box["right"] <= width, name
            assert 0 <= box["top"] <= box["bottom"] <= height, name
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_other_screens(small_page: Page) -> None:
    """Nothing is cut off on a tablet, on a large screen, and at 200% zoom on a screen 1366 pixels wide."""
    page = small_page
    page.press("another")
    try:
        for width, height in ((820, 1180), (1920, 1080), (683, 384)):
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            for tab in ("steps", "update", "stages", "lab"):
                page.press(f"tab-{tab}")
                assert not page.cut_off(), (width, tab)
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
