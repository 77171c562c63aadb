"""Pictures with several digits, and pictures without any."""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw

from tests.pictures.making import Bytes, enlarged, grey
from tests.pictures.surroundings import lines_at, wood

Row = Callable[[Sequence[Bytes], np.random.Generator], Image.Image]
NoDigit = Callable[[np.random.Generator], Image.Image]


def written(digits: Sequence[Bytes], sizes: Sequence[int], steps: Sequence[int], tops: Sequence[int]) -> Image.Image:
    """Write dark digits on white paper from left to right, each `steps` pixels after the one before."""
    ink = np.zeros((max(tops) + max(sizes) + 100, 100 + sum(steps) + max(sizes) + 100))
    x = 100
    for digit, size, step, top in zip(digits, sizes, [*steps, 0], tops, strict=True):
        place = ink[top : top + size, x : x + size]
        np.maximum(place, enlarged(digit, size), out=place)
        x += step
    return grey(255 * (1 - ink))


def two_digits(digits: Sequence[Bytes], rng: np.random.Generator) -> Image.Image:
    return written(digits[:2], [300] * 2, [400], [150] * 2)


def two_close_digits(digits: Sequence[Bytes], rng: np.random.Generator) -> Image.Image:
    return written(digits[:2], [300] * 2, [290], [150] * 2)


def phone_number(digits: Sequence[Bytes], rng: np.random.Generator) -> Image.Image:
    tops = [int(v) for v in rng.integers(95, 106, 6)]
    return written(digits[:6], [100] * 6, [95] * 5, tops)


def different_sizes(digits: Sequence[Bytes], rng: np.random.Generator) -> Image.Image:
    return written(digits[:3], [300, 180, 240], [310, 210], [100, 180, 120])


def overlapping(digits: Sequence[Bytes], rng: np.random.Generator) -> Image.Image:
    return written(digits[:2], [300] * 2, [130], [150] * 2)


def empty_paper(rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[0:1:500j, 0:1:400j]
    return grey(rng.uniform(120, 240) * (1 - 0.2 * x * y) + rng.normal(0, rng.uniform(0, 4), (500, 400)))


def only_lines(rng: np.random.Generator) -> Image.Image:
    return grey(lines_at(600, rng.uniform(30, 90), 3, rng.uniform(-4, 4), rng.uniform(30, 180)))


def only_squares(rng: np.random.Generator) -> Image.Image:
    pitch = rng.uniform(30, 80)
    return grey(np.minimum(lines_at(600, pitch, 2, 0, 120), lines_at(600, pitch, 2, 90, 120)))


def only_a_frame(rng: np.random.Generator) -> Image.Image:
    picture = Image.new("L", (500, 500), 255)
    ImageDraw.Draw(picture).rectangle([40, 60, 460, 430], outline=0, width=int(rng.integers(2, 9)))
    return picture


def only_noise(rng: np.random.Generator) -> Image.Image:
    return grey(rng.normal(128, rng.uniform(5, 60), (400, 400)))


def only_speckles(rng: np.random.Generator) -> Image.Image:
    return grey(np.where(rng.random((400, 400)) < 0.02, 30.0, 235.0))


def table_of_wood(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(wood(600, rng).clip(0, 255).astype(np.uint8))


def horizon(rng: np.random.Generator) -> Image.Image:
    """A photo of sky, sun and ground."""
    y, x = np.mgrid[0:500, 0:700]
    sky = np.array([120, 170, 230.0]) * (0.7 + 0.3 * y / 500)[:, :, None]
    ground = np.array([70, 110, 50.0]) * (1 + rng.normal(0, 0.1, (500, 700)))[:, :, None]
    sun = ((x - rng.uniform(100, 600)) ** 2 + (y - rng.uniform(50, 150)) ** 2 < 35**2)[:, :, None]
    line = (y > 300 + 20 * np.sin(x / 90 + rng.uniform(0, 6)))[:, :, None]
    return Image.fromarray(np.where(sun, 250, np.where(line, ground, sky)).clip(0, 255).astype(np.uint8))


ROWS: list[Row] = [two_digits, two_close_digits, phone_number, different_sizes]
NOTHING: list[NoDigit] = [empty_paper, only_lines, only_squares, only_a_frame]
NOTHING += [only_noise, only_speckles, table_of_wood]
