"""Looking into the net on the page in a browser: steps, weights, stages of training. Needs Chromium."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from mnist_mlp.inference.trained import Trained
from mnist_mlp.model import SigmoidMLP
from mnist_mlp.pictures.form import mnist_form
from tests.demo.browser import UPRIGHT, Page, number
from tests.demo.conftest import CURVE


def drawn(page: Page) -> torch.Tensor:
    """The drawing in MNIST's form, (1, 28, 28)."""
    return torch.from_numpy(mnist_form(np.pad(page.shades("#drawing")[:, :, 3], 2)))[None]


def test_step_by_step(small_page: Page, half_net: Trained) -> None:
    """Layers after the current step are blank. The numbers of the selected neuron add up and are the net's."""
    page = small_page
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
    assert "means nothing" in page.text("step-text")

    page["neuron-number"].clear()
    page["neuron-number"].send_keys("7")
    page.settle()
    layer = half_net.net.linear_layers[0]
    inputs = half_net.preprocessing(drawn(page))[0]
    bias = layer.bias[7].item()
    z = (layer.weight[7] @ inputs).item() + bias
    numbers = [number(text) for text in re.findall(r"≈ 0|−?\d+\.\d+", page.text("equation"))]
    assert numbers == pytest.approx([z - bias, abs(bias), z, 1 / (1 + np.exp(-z))], abs=0.00051)
    summands = [number(cells[-1]) for cells in page.rows("summands").values()]
    assert sum(summands[:-1]) == pytest.approx(summands[-1], abs=0.01)
    page.press("strongest")
    assert page["neuron-number"].get_attribute("value") != "7"
    page["steps"].find_element(By.CSS_SELECTOR, "input:checked").send_keys(Keys.ARROW_RIGHT)
    page.settle()
    assert page.guess == "1"
    assert page["neuron-number"].get_attribute("value") == "1"


def test_the_weights_of_a_neuron_are_one_click_away(small_page: Page, half_net: Trained) -> None:
    """A 28 x 28 picture beside the neuron, from every panel: blue positive, orange negative, white zero."""
    page = small_page
    page.draw(UPRIGHT)
    weights = half_net.net.linear_layers[0].weight.detach()
    for tab in ("steps", "stages"):
        page.press(f"tab-{tab}")
        grid = page.driver.find_element(By.CSS_SELECTOR, "#layer-1 canvas")  # 6 rows and 6 columns
        ActionChains(page.driver).move_to_element_with_offset(grid, 5, 5).click().perform()  # offsets from its centre
        page.settle()
        assert "neuron 21" in page.text("card-text")
        picture = page.shades("#card canvas")
        assert picture.shape == (28, 28, 4)
        red, blue = (picture[:, :, channel].astype(int).flatten() for channel in (0, 2))
        clear = (weights[21].abs() > 0.05 * weights[21].abs().max()).numpy()
        assert ((blue > red) == (weights[21] > 0).numpy())[clear].all()
        page.keys(Keys.ESCAPE)
        assert not page["card"].is_displayed()
    page.press("tab-steps")
    page.driver.find_elements(By.CSS_SELECTOR, "#bars li")[4].click()
    assert "Output, neuron 4" in page.text("card-text")
    page.settle()
    page.driver.find_element(By.CSS_SELECTOR, "#summands .link").click()
    page.settle()
    assert page["neuron-number"].get_attribute("max") == "31"


def test_tiny_numbers(page_once: Page) -> None:
    numbers = [0, 8.2e-10, -3e-5, 0.0004, 0.0006, -0.5, 123.456, 2.5e7, -1e9]
    shown = page_once.call(["format.js"], "return arguments[0].map(number);", numbers)
    assert shown == ["0", "≈ 0", "≈ 0", "≈ 0", "0.001", "−0.500", "123.5", "2.5e+7", "−1.0e+9"]
    assert page_once.call(["format.js"], "return [0.00012, 1e-7].map(precise);") == ["0.00012", "≈ 0"]


def test_through_training(small_page: Page, half_net: Trained, run: Path) -> None:
    """The slider moves through the run's stages, beside the cost curve, for the digit on the page."""
    page = small_page
    page.draw(UPRIGHT)
    page.press("tab-stages")
    trained = page.outputs()
    rows = page.rows("stages")
    assert list(rows) == ["before training", "after 2 epochs"]
    assert rows["after 2 epochs"][:2] == [f"{CURVE[name][1]:.5f}" for name in ("train", "validation")]
    lines = page["curve"].find_elements(By.TAG_NAME, "polyline")
    assert [str(line.get_attribute("points")).count(" ") + 1 for line in lines] == [2, 2]
    page["stage"].send_keys(Keys.ARROW_LEFT)
    page.settle()
    assert page.text("stage-name") == "before training"
    assert page["stage"].get_attribute("aria-valuetext") == "before training"
    untrained = SigmoidMLP(**half_net.model)
    untrained.load_state_dict(load_file(run / "snapshots" / "epoch_0000.safetensors"))
    outputs = half_net._replace(net=untrained).activations(drawn(page))[0]
    assert [number(text) for text in page.outputs()] == pytest.approx(outputs.tolist(), abs=0.00051)
    assert rows["before training"][2] == page.guess == str(int(outputs.argmax()))
    assert "epoch=0" in page.driver.current_url
    page.driver.find_elements(By.CSS_SELECTOR, "#stages .link")[1].click()
    page.settle()
    assert page.outputs() == trained
    page["net"].send_keys("Best")
    page.settle()
    assert "one stage only" in page.text("no-stages")
