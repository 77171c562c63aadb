"""Pen strokes computed from the image of a digit, because MNIST has images only.

The image is enlarged, its ink is thinned to lines one pixel wide (Zhang and Suen 1984, "A Fast Parallel Algorithm for
Thinning Digital Patterns"), and the lines are followed from their ends. The order and direction of the strokes may
differ from the writer's. Their width is lost; the page draws them with its own pen.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ENLARGED = 4
SHORTEST = 3  # pixels of the enlarged image; a shorter line is a corner left by the thinning, not a stroke

Point = tuple[float, float]  # x, y from the upper left corner, as fractions of the image's side


def strokes(digit: NDArray[np.uint8], step: int = 8) -> list[list[Point]]:
    """Return the strokes of a (28, 28) image, each as points about `step` pixels of the enlarged image apart."""
    size = ENLARGED * len(digit)
    enlarged = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))
    lines = [
        [line[i] for i in (*range(0, len(line) - 1, step), len(line) - 1)] for line in _lines(_thinned(enlarged > 127))
    ]
    return [[((x + 0.5) / size, (y + 0.5) / size) for y, x in line] for line in lines]


def _neighbours(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return P2 ... P9 of Zhang and Suen, (8, H, W): the pixels around each pixel, clockwise from the one above."""
    padded = np.pad(ink, 1)
    height, width = ink.shape
    around = [(0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0)]
    return np.stack([padded[y : y + height, x : x + width] for y, x in around])


def _thinned(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thin the ink to lines one pixel wide."""
    ink = ink.copy()
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            p = _neighbours(ink)
            count = p.sum(axis=0)
            beginnings = (~p & np.roll(p, -1, axis=0)).sum(axis=0)
            above, right, below, left = p[0], p[2], p[4], p[6]
            if first:
                may_go = ~(above & right & below) & ~(right & below & left)
            else:
                may_go = ~(above & right & left) & ~(above & below & left)
            goes = ink & (count >= 2) & (count <= 6) & (beginnings == 1) & may_go
            ink &= ~goes
            changed |= bool(goes.any())
    return ink


Pixel = tuple[int, int]


def _lines(thin: NDArray[np.bool_]) -> Iterator[list[Pixel]]:
    """Follow the lines: first from loose ends, then around the remaining loops. Go straight on at crossings."""
    every = {(int(y), int(x)) for y, x in np.argwhere(thin)}
    left = set(every)
    while left:
        start = min(left, key=lambda pixel: (len(_around(pixel, left)) != 1, pixel))
        line = [start]
        left.discard(start)
        while onward := _around(line[-1], left):
            line.append(min(onward, key=lambda pixel: _turn(line, pixel)))
            left.discard(line[-1])
        if len(line) < SHORTEST and len(line) < len(every):
            continue
        drawn = every - left - set(line)
        # A line that begins or ends next to an earlier line is joined to it.
        yield [*_around(line[0], drawn)[:1], *line, *_around(line[-1], drawn)[:1]]


def _around(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """Return the neighbours of a pixel that are in `pixels`, those at its sides before those at its corners."""
    y, x = pixel
    beside = [
        (y - 1, x),
        (y, x + 1),
        (y + 1, x),
        (y, x - 1),
        (y - 1, x - 1),
        (y - 1, x + 1),
        (y + 1, x + 1),
        (y + 1, x - 1),
    ]
    return [other for other in beside if other in pixels]


def _turn(line: list[Pixel], pixel: Pixel) -> float:
    """Return the negative cosine of the angle by which the line turns if it continues to `pixel`; -1 is straight on."""
    (y0, x0), (y1, x1) = line[max(0, len(line) - 6)], line[-1]
    before, after = (y1 - y0, x1 - x0), (pixel[0] - y1, pixel[1] - x1)
    length = np.hypot(*before) * np.hypot(*after)
    return 0.0 if length == 0 else float(-(before[0] * after[0] + before[1] * after[1]) / length)
