"""Pictures of digits as people take them: photos, scans, forms, screenshots. One function per kind."""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Kind = Callable[[Bytes, np.random.Generator], Image.Image]


def enlarged(digit: Bytes, size: int = 300) -> Floats:
    """Return the digit's ink at this size, 0 to 1."""
    image = Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=float) / 255


def on_paper(
    digit: Bytes,
    size: int = 300,
    canvas: tuple[int, int] = (600, 600),
    at: tuple[int, int] = (150, 150),
    paper: float = 255,
    ink: float = 0,
) -> Floats:
    """Place a digit on paper.

    Args:
        digit: (28, 28).
        size: of the digit's square, in pixels.
        canvas: width and height of the paper.
        at: left and top of the digit's square.
        paper: brightness, 0 to 255.
        ink: brightness, 0 to 255.
    """
    values = np.full((canvas[1], canvas[0]), float(paper))
    x, y = at
    values[y : y + size, x : x + size] = paper + (ink - paper) * enlarged(digit, size)
    return values


def grey(values: Floats) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def plain(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(on_paper(digit))


def frame(digit: Bytes, rng: np.random.Generator, width: int = 1) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).rectangle([0, 0, 599, 599], outline=0, width=width)
    return picture


def thick_frame(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return frame(digit, rng, 3)


def lined(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    lines = np.full((600, 600), 255.0)
    lines[::60] = lines[1::60] = 190
    return grey(np.minimum(on_paper(digit, ink=30), lines))


def grid(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    lines = np.full((600, 600), 255.0)
    lines[::30] = 190
    lines[:, ::30] = 190
    return grey(np.minimum(on_paper(digit, ink=30), lines))


def specks(digit: Bytes, rng: np.random.Generator, number: int = 40, radius: int = 1) -> Image.Image:
    picture = plain(digit, rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(number):
        x, y = (int(v) for v in rng.integers(5, 595, 2))
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=60)
    return picture


def one_speck(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).ellipse([20, 20, 26, 26], fill=0)
    return picture


def paper_on_table(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    table = np.full((900, 900), 60.0) + rng.normal(0, 4, (900, 900))
    table[150:750, 150:750] = on_paper(digit, ink=40, paper=220)
    return grey(table)


def hard_shadow(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    values = on_paper(digit, ink=40, paper=220)
    values[:, :300] *= 0.65
    return grey(values)


def soft_shadow(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(on_paper(digit, ink=40, paper=220) * np.linspace(0.5, 1, 600)[None, :])


def small_in_a_large_photo(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(on_paper(digit, size=60, canvas=(3000, 2000), at=(2000, 900)))


def blackboard(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(on_paper(digit, paper=40, ink=220) + rng.normal(0, 12, (600, 600)))


def pencil(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(on_paper(digit, paper=235, ink=190) + rng.normal(0, 4, (600, 600)))


def thin_pen(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    image = grey(255 * enlarged(digit, 600)).filter(ImageFilter.MinFilter(21))
    return grey(255.0 - np.asarray(image))


def marker(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    image = grey(255 * enlarged(digit, 300)).filter(ImageFilter.MaxFilter(21))
    return grey(255.0 - np.asarray(image))


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    file.seek(0)
    read = Image.open(file)
    read.load()
    return read


def strong_jpeg(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return jpeg(plain(digit, rng), 10)


FIRST: list[Kind] = [plain, frame, thick_frame, lined, grid, specks, one_speck, paper_on_table, hard_shadow]
FIRST += [soft_shadow, small_in_a_large_photo, blackboard, pencil, thin_pen, marker, strong_jpeg]
