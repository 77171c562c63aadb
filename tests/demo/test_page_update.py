"""One weight update on the page in a browser, and the page's state in its address. Needs Chromium."""

import json
import re
from pathlib import Path

import pytest
import torch
from selenium.webdriver.common.by import By

from mnist_mlp import backprop
from mnist_mlp.data.dataset import Examples
from mnist_mlp.demo.contents import SEED, TEST_IMAGES
from mnist_mlp.inference.trained import Trained
from tests.demo.browser import UPRIGHT, Page, number
from tests.demo.test_page_net import drawn


def test_one_update(small_page: Page, half_net: Trained, mnist: tuple[Examples, Examples]) -> None:
    """Cost and gradient are the net's. The page shows what the update does to this example and to 500 others."""
    page = small_page
    page.draw(UPRIGHT)
    page.press("tab-update")
    assert page["no-label"].is_displayed()
    page.choose("digits", "7")
    x, label = half_net.preprocessing(drawn(page)), torch.tensor([7])
    y = half_net.net.targets(label, x.dtype)
    layers = backprop.layers_of(half_net.net)
    outputs = half_net.activations(drawn(page))
    cost = half_net.net.cost(outputs, label).item()
    assert number(page.text("cost").split("= ")[-1]) == pytest.approx(cost, abs=0.0000051)
    terms = page.rows("terms")
    assert [number(cells[2]) for cells in terms.values()] == pytest.approx(
        (outputs[0] - y[0]).square().tolist(), abs=0.00051
    )
    gradients = backprop.gradient(layers, x, y)
    assert [number(cells[1]) for cells in page.rows("gradient").values()] == pytest.approx(
        [float(gradient.weight.norm()) for gradient in gradients], abs=0.0000051
    )

    before = page.outputs()
    page["eta"].clear()
    page["eta"].send_keys("30")
    page.press("update")
    after = backprop.update(layers, gradients, 30.0)
    was, now = zip(*(text.split(" → ") for text in page.outputs()), strict=True)
    assert list(was) == before
    assert [number(text) for text in now] == pytest.approx(
        backprop.forward(after, x)[-1].a.flatten().tolist(), abs=0.00051
    )
    chosen = torch.randperm(10_000, generator=torch.Generator().manual_seed(SEED))[:TEST_IMAGES]
    images, labels = half_net.preprocessing(mnist[1].images[chosen]), mnist[1].labels[chosen]
    effect = page.rows("effect")
    for net, column in ((layers, 0), (after, 2)):
        a = backprop.forward(net, images)[-1].a.T
        average, accuracy = (
            float(half_net.net.cost(a, labels).mean()),
            float((a.argmax(dim=1) == labels).float().mean()),
        )
        assert number(effect["average cost of 500 test images"][column]) == pytest.approx(average, abs=0.00002)
        assert float(effect["accuracy on the 500 test images"][column][:-1]) == pytest.approx(100 * accuracy, abs=0.25)
    assert "with η = 30" in page.text("effect")

    page.press("update")
    assert page.text("updates") == "2 updates"
    page.press("undo")
    page.press("undo-all")
    assert page.outputs() == before
    assert page.rows("terms") == terms
    assert not page["undo"].is_displayed()


def test_eta_is_filled_in_so_that_an_update_does_no_harm(page: Page) -> None:
    """One update on a digit that the net gets wrong corrects it or comes nearer, and costs at most 1% of the others."""
    page.press("tab-update")
    for net in ("Best", "Your"):
        page["net"].send_keys(net)
        page.settle()
        for _ in range(2):
            page.press("mistake")
            page.press("update")
            effect = page.rows("effect")
            cost, accuracy = effect["cost of this example"], effect["accuracy on the 500 test images"]
            assert number(cost[2]) < number(cost[0])
            assert float(accuracy[2][:-1]) >= float(accuracy[0][:-1]) - 1
            page.press("undo-all")


def test_an_eta_that_cannot_be_used(small_page: Page) -> None:
    """One sentence; nothing changes."""
    page = small_page
    page.draw(UPRIGHT)
    page.press("tab-update")
    page.choose("digits", "7")
    for eta in ("-1", "0", "1e7"):
        page["eta"].clear()
        page["eta"].send_keys(eta)
        page.press("update")
        assert page.text("problem").startswith("Give a number above 0")
        assert not page["undo"].is_displayed()
    page.press("clear")
    assert page.text("problem") == ""


def test_a_link_shows_the_same(small_page: Page) -> None:
    """The address holds the net, its stage, the digit, the panel, the neuron and η."""
    page = small_page
    page.press("another")
    page.press("back")
    page["neuron-number"].clear()
    page["neuron-number"].send_keys("7")
    page.settle()
    shown = page.text("equation"), page.text("source"), page.text("description")
    url = page.driver.current_url
    page.open(url)
    assert (page.text("equation"), page.text("source"), page.text("description")) == shown
    assert page.driver.current_url == url
    page.press("tab-update")
    page["eta"].clear()
    page["eta"].send_keys("12")
    page["digits"].find_elements(By.TAG_NAME, "label")[3].click()
    page.settle()
    page.open(page.driver.current_url)
    assert page["eta"].get_attribute("value") == "12"
    assert page["panel-update"].is_displayed()
    page.run("location.hash = 'net=version_0-best&epoch=0&digit=4&panel=stages';")
    page.wait("the stage", lambda: page.text("stage-name") == "before training")
    page.settle()
    assert "Test image 4" in page.text("source")
    page.open(url.split("#")[0] + "#net=nothing&epoch=x&digit=9999&panel=y&layer=z&eta=-3")
    assert page["net"].get_attribute("value") == "ciresan10-1000-500-deskew"


def test_nothing_is_loaded_or_sent(page: Page, page_file: Path) -> None:
    """While digits are drawn, updates made and a net trained. A request that a script tries is refused."""
    page.driver.get_log("performance")
    page.open(page_file.as_uri())
    page.draw(UPRIGHT)
    page.press("another")
    for tab in ("update", "stages", "lab"):
        page.press(f"tab-{tab}")
    page.press("lab-step")
    page.wait("a trained net", lambda: page["net"].get_attribute("value") == "lab")
    page.settle()
    events = [json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance")]
    urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert page_file.as_uri() in urls
    assert all(re.match(r"data:|blob:|about:", url) for url in urls if url != page_file.as_uri())
    assert page.run("return fetch('https://example.com/').then(() => 'sent', () => 'refused');") == "refused"
    page.driver.get_log("browser")  # the refusal
