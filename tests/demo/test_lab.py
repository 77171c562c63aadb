"""The controls of "Train it yourself" do what they say, and its net answers the drawing. Needs Chromium."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from mnist_mlp import backprop
from tests.demo.browser import UPRIGHT, Page, number
from tests.demo.lab_run import DEFAULTS, pictures, python_run

MOST_EPOCHS = 15  # until 90% of the 500 test digits are right; seeds 0 to 9 take 3 to 7


@pytest.fixture
def lab(page: Page, page_file: Path) -> Iterator[Callable[..., Page]]:
    """Open the page at this panel, with these settings in the address, and wait for the random weights."""

    def opened(address: str = "") -> Page:
        page.open(f"{page_file.as_uri()}#panel=lab{address}")
        _wait(page)
        return page

    yield opened
    assert not re.search(r"NaN|not a number|∞|undefined", page.text("lab"))


def test_ninety_percent_at_the_defaults(lab: Callable[..., Page]) -> None:
    """The curves grow meanwhile, and the pictures of the weights change."""
    page = lab()
    weights = page.shades("#lab-tiles canvas")
    page.press("lab-start")
    page.wait("90%", lambda: _accuracy(page) >= 90 or _epochs(page) > MOST_EPOCHS)
    page["lab-start"].click()
    _wait(page)
    assert _epochs(page) <= MOST_EPOCHS
    lines = page["lab-curve"].find_elements(By.TAG_NAME, "polyline")
    assert [len((line.get_attribute("points") or "").split()) for line in lines] >= [2 * int(_epochs(page))] * 2
    assert not np.array_equal(weights, page.shades("#lab-tiles canvas"))
    assert len(page["lab-tiles"].find_elements(By.TAG_NAME, "canvas")) == DEFAULTS["h"]


def test_start_pause_step_reset(lab: Callable[..., Page]) -> None:
    page = lab("&lab-h=2")
    weights = page.shades("#lab-tiles canvas")
    page.press("lab-start")
    assert page.text("lab-start") == "Pause"
    page.wait("weight updates", lambda: _updates(page) > 0)
    page["lab-start"].click()
    _wait(page)
    made = _updates(page)
    assert page.text("lab-start") == "Start"
    page["lab-step"].click()
    page.wait("one update", lambda: _updates(page) != made)
    _wait(page)
    assert _updates(page) == made + 1
    page["lab-start"].click()
    page.wait("more updates", lambda: _updates(page) > made + 1)
    page["lab-step"].click()  # pauses, too
    _wait(page)
    assert page.text("lab-start") == "Start"
    page["lab-reset"].click()
    _wait(page)
    assert (_updates(page), _epochs(page)) == (0, 0)
    assert np.array_equal(page.shades("#lab-tiles canvas"), weights)


def test_eta_and_mini_batch_change_during_a_run(lab: Callable[..., Page]) -> None:
    """The other settings start it anew."""
    page = lab("&lab-h=2")
    page["lab-step"].click()
    page.wait("one update", lambda: _updates(page) == 1)
    _set(page, "lab-eta", "0.5")
    Select(page["lab-batch"]).select_by_value("100")
    page["lab-step"].click()
    page.wait("two updates", lambda: _updates(page) == 2)
    assert _epochs(page) == pytest.approx(110 / 4000, abs=0.005)
    assert "100 digits" in page.text("lab-rule")
    page["lab-bias"].click()
    page.wait("new weights", lambda: _updates(page) == 0)


def test_too_large_eta_is_said_in_a_sentence(lab: Callable[..., Page]) -> None:
    page = lab("&lab-h=5&lab-eta=1000")
    page["lab-start"].click()
    page.wait("the sentence", lambda: "stuck near 0 or 1" in page.text("lab-problem"))
    page["lab-reset"].click()
    _wait(page)
    assert page.text("lab-problem") == ""
    for wrong in ("-1", "0", "1e7", ""):
        _set(page, "lab-eta", wrong)
        assert page.text("lab-problem") == "The learning rate η is a number above 0, up to 1,000,000."
    page["lab-reset"].click()
    assert (page.text("lab-problem"), page["lab-eta"].get_attribute("value")) == ("", "1000")


def test_overflow_is_said_in_a_sentence(lab: Callable[..., Page]) -> None:
    """As no η that the page accepts makes a weight overflow, the test takes away the control's limit."""
    page = lab("&lab-h=5")
    page.run("document.getElementById('lab-eta').type = 'text';")
    _set(page, "lab-eta", "1e45")
    page["lab-step"].click()
    page.wait("the sentence", lambda: "A weight is too large a number" in page.text("lab-problem"))
    assert not page["lab-start"].is_enabled()
    assert not page["lab-step"].is_enabled()
    _set(page, "lab-eta", "1")
    page["lab-reset"].click()
    _wait(page)
    page["lab-step"].click()
    page.wait("a weight update", lambda: _updates(page) == 1)
    assert page.text("lab-problem") == ""


def test_answers_the_drawing_while_it_learns(lab: Callable[..., Page], page_file: Path) -> None:
    """After each weight update, the outputs are those of Python's net after the same updates."""
    page = lab("&digit=4&lab-seed=3")
    image = pictures(page_file, "digits")[0][4]
    training_digits = pictures(page_file, "training")
    for made in (1, 2):
        page["lab-step"].click()
        page.wait("a weight update", lambda made=made: _updates(page) == made)
        page.settle()
        layers = python_run({**DEFAULTS, "seed": 3}, training_digits, made)[1]
        expected = backprop.forward(layers, image[None])[-1].a[:, 0].tolist()
        assert [number(text) for text in page.outputs()] == pytest.approx(expected, abs=6e-4)
    assert Select(page["net"]).first_selected_option.get_attribute("value") == "lab"
    page.press("clear")
    page.draw(UPRIGHT)
    before = page.outputs()
    page["lab-start"].click()
    page.wait("another answer", lambda: page.outputs() != before)


def test_settings_in_the_address(lab: Callable[..., Page]) -> None:
    address = "&lab-h=12&lab-activation=tanh&lab-bias=false&lab-eta=0.5&lab-batch=100&lab-seed=9"
    page = lab(address)
    found = [page[f"lab-{name}"].get_attribute("value") for name in ("h", "activation", "eta", "batch", "seed")]
    assert found == ["12", "tanh", "0.5", "100", "9"]
    assert not page["lab-bias"].is_selected()
    assert len(page["lab-tiles"].find_elements(By.TAG_NAME, "canvas")) == 12
    assert address in page.driver.current_url
    _set(page, "lab-h", "0")
    _wait(page)
    assert "lab-h=0" in page.driver.current_url
    assert "outputs 0 to 9" in page.text("lab-tiles-title")
    page["lab-bias"].click()
    assert "lab-bias" not in page.driver.current_url

    lab("&lab-h=1.5&lab-activation=relu&lab-eta=0&lab-batch=3&lab-seed=x")
    found = [page[f"lab-{name}"].get_attribute("value") for name in DEFAULTS if name != "bias"]
    assert found == [str(value) for name, value in DEFAULTS.items() if name != "bias"]


def test_net_in_the_address(page: Page, page_file: Path) -> None:
    """The link of a page whose net is trained here shows this net, before training, in any panel."""
    page.open(f"{page_file.as_uri()}#net=lab&lab-h=3&digit=5")
    page.wait("the net", lambda: page.text("description").startswith("784 → 3 → 10"))
    page.settle()
    assert "net=lab" in page.driver.current_url
    assert all(0.05 < number(text) < 0.95 for text in page.outputs())


def test_without_a_worker_the_page_says_so(page: Page) -> None:
    page.run("window.TrueWorker = window.Worker; window.Worker = class { constructor() { throw new Error(); } };")
    page["tab-lab"].click()
    page.wait("the sentence", lambda: "start no Web Worker" in page.text("lab-problem"))
    assert not any(page[name].is_enabled() for name in ("lab-start", "lab-step", "lab-reset"))
    page["lab-bias"].click()
    assert "start no Web Worker" in page.text("lab-problem")
    page.run("window.Worker = window.TrueWorker;")  # other tests may use the page as it is


# The page, read


def _wait(page: Page) -> None:
    """Wait until the worker has done what it was asked for."""
    page.wait("the worker", lambda: page["lab"].get_attribute("aria-busy") == "false")
    page.settle()


def _updates(page: Page) -> int:
    return int(page.text("lab-progress").split(", ")[1].split(" weight")[0].replace(",", ""))


def _epochs(page: Page) -> float:
    return float(page.text("lab-progress").split(",")[0].removeprefix("Epoch "))


def _accuracy(page: Page) -> float:
    return float(page.rows("lab-numbers")["500 test digits"][1].removesuffix("%"))


def _set(page: Page, name: str, value: str) -> None:
    page[name].clear()
    page[name].send_keys(value, Keys.TAB)
