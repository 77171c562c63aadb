"""How long the page takes from a stroke to its picture: `python -m tests.demo.stroke_time`, by hand, on idle cores."""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from mnist_mlp.data.dataset import load
from mnist_mlp.demo.__main__ import demo
from tests.browser import chromium
from tests.demo.browser import Page
from tests.demo.strokes import strokes

STROKES = 100
COLLECT = """
window.times = [];
new PerformanceObserver((list) => times.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ entryTypes: ["measure"] });
"""


def stroke_times(page: Page) -> list[float]:
    """Draw test digits by real mouse events; return the ms from each event to the time when its picture is painted.

    The events come every 10 to 40 ms, at any moment of a frame, as a hand's do.
    """
    page.run(COLLECT)
    images, random = load()[1].images, Random(0)
    box = page.run("return document.getElementById('drawing').getBoundingClientRect().toJSON();")

    def send(kind: str, x: float, y: float) -> None:
        place = {"x": box["left"] + x * box["width"], "y": box["top"] + y * box["height"]}
        options = {"type": kind, "button": "left", "buttons": 1, "clickCount": 1, **place}
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", options)
        time.sleep(random.uniform(0.01, 0.04))

    n = 0
    while page.run("return times.length;") < STROKES:
        for line in strokes(images[n].numpy()):
            send("mousePressed", *line[0])
            for point in line[1:]:
                send("mouseMoved", *point)
            send("mouseReleased", *line[-1])
        page.press("clear")
        n += 1
    return [float(took) for took in page.run("return times;")[:STROKES]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page.html"
        demo(["--no-browser", "--out", str(out), *sys.argv[1:]])
        (Path(folder) / "profile").mkdir()
        with chromium(Path(folder) / "profile") as driver:
            times = stroke_times(Page(driver, out.as_uri()))
    print(f"{len(times)} strokes: median {statistics.median(times):.1f} ms, worst {max(times):.1f} ms")
