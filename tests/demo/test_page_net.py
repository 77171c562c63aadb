"""The page's panels about the net in a browser: steps, cost, updates, tabs. Needs Chromium."""

import re

import numpy as np
import pytest
import torch
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_mlp.inference.picture import mnist_form
from mnist_mlp.inference.trained import Trained
from tests.demo.browser import UPRIGHT, Page, number
from tests.demo.serving import Server


def test_step_by_step(page: Page, small_net: Trained) -> None:
    """Layers after the current step are blank. The numbers of the selected neuron add up and are the net's."""
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

    grid = page.driver.find_element(By.CSS_SELECTOR, "#layer-1 canvas")  # 6 rows and 6 columns
    ActionChains(page.driver).move_to_element_with_offset(grid, 5, 5).click().perform()  # offsets from its centre
    page.settle()
    assert page["neuron-number"].get_attribute("value") == "21"
    page.press("strongest")
    assert page["neuron-number"].get_attribute("value") != "21"
    page["steps"].find_element(By.CSS_SELECTOR, "input:checked").send_keys(Keys.ARROW_RIGHT)
    page.settle()
    assert page.guess == "1"
    assert page["neuron-number"].get_attribute("value") == "1"


def test_updates_and_undo(page: Page, small_net: Trained) -> None:
    """The page shows the cost for the label given. Updates raise that output, and undo restores every number."""
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
    """Each tab has its own net. A busy browser merges pen movements, so the same 1 may differ between the tabs."""
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


def test_a_dropped_session_is_opened_again(page: Page, server: Server) -> None:
    for _ in range(16):
        server.open()
    page.draw(UPRIGHT)
    assert page.guess == "1"
    page.driver.get_log("browser")  # the answer was 404


def test_another_net_is_selected(page: Page) -> None:
    page.draw(UPRIGHT)
    page["net"].send_keys("version_0: last")
    page.settle()
    assert page["net"].get_attribute("value") == "version_0: last.ckpt"
    assert page.guess == "1"


def test_nothing_is_loaded_from_elsewhere(page: Page, server: Server) -> None:
    page.draw(UPRIGHT)
    loaded = page.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(loaded) >= 5
    assert all(name.startswith(server.url) for name in loaded)
