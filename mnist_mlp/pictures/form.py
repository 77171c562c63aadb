"""Bring a picture of a digit to the form of MNIST's images, as MNIST's makers did.

LeCun, Cortes and Burges (yann.lecun.com/exdb/mnist) fit the digit into a box of 20 x 20 pixels, keep its aspect ratio
and anti-alias its edges. Then they place the box in 28 x 28 pixels, with the digit's centre of mass at the centre.
Measured on the files: 59,987 of the 60,000 training digits are exactly 20 pixels long on their longer side, and all
have their centre of mass within half a pixel of index 14. An image that already has this form therefore stays nearly
the same.

find.py finds the digits in pictures from users; this module cuts each one out at full resolution.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from mnist_mlp.errors import InputError
from mnist_mlp.pictures.arrays import picture
from mnist_mlp.pictures.colours import WORKING_SIZE, Box, Colours, Floats, bounding_box, colours
from mnist_mlp.pictures.contrast import LEAST_CONTRAST, speckled, without_speckles
from mnist_mlp.pictures.find import Digit, Found, find, summary
from mnist_mlp.pictures.whole import ink_of, is_cut_at_the_digit

SIZE = 28
BOX = 20
CENTRE = 14  # index of MNIST's centre of mass, counted from 0

SMALL = 32  # pixels of the longer side, or less: the digit fills the picture, and nothing lies around it
SEARCHED = (640, 1280)  # pixels of the longer side in which digits are looked for, the second if there is none
ENLARGED = 240  # pixels of the longer side: smaller pictures are enlarged to about this
CLEAR = 16  # pixels of a digit's longer side, or it is looked for in more pixels
NOISE = 4.0  # ink differs from the paper by more than this times the median difference of the paper around it
FAINT = 0.1  # ink below this fraction of the strongest ink does not count for the digit's bounding box
GAIN = 1.5  # of the ink of digits smaller than 20 pixels; chosen on validation images of 8 and 10 pixels

NOTHING = "nothing in it stands out from the paper; give a picture of a digit."


class Form(NamedTuple):
    """A digit of a picture.

    image: (28, 28) uint8, in MNIST's form.
    box: left, top, right, bottom in the picture's pixels.
    """

    image: NDArray[np.uint8]
    box: Box


@dataclass
class View:
    """What was seen in a picture.

    forms: the digits, from left to right.
    found: what was found in the working picture.
    working: (H, W, C), the picture in which it was looked for.
    """

    forms: list[Form]
    found: Found
    working: Floats


def mnist_form(image: Any) -> NDArray[np.uint8]:
    """Bring a picture of one digit to MNIST's form.

    Args:
        image: a PIL image of any size and mode; or an array, as `picture` in pictures/arrays.py takes it.

    Returns:
        (28, 28), from 0 for paper to 255 for ink.

    Raises:
        InputError: there is no digit, there are several, or the array cannot be used. The message does not contain
            the picture's name.
    """
    forms = mnist_forms(image)
    if len(forms) > 1:
        raise InputError(f"there are {len(forms)} digits in it; give a picture of one digit.")
    return forms[0].image


def mnist_forms(image: Any) -> list[Form]:
    """Bring each digit of a picture to MNIST's form, from left to right. Arguments and errors as `mnist_form`."""
    seen = view(image)
    if seen.forms:
        return seen.forms
    raise InputError(why_not(seen))


def why_not(seen: View) -> str:
    """Return why no digit was found, as a sentence."""
    dropped = summary(seen.found)
    if seen.found.nothing:
        return NOTHING
    if not dropped:
        return "what stands out in it is too small or too faint for a digit; give a picture of a digit."
    return f"there is no digit in it, only {dropped}; give a picture of a digit."


def view(image: Any) -> View:
    """Look for digits in a picture. Without any, `why_not` says why."""
    if not isinstance(image, Image.Image):
        image = picture(image)
    seen = colours(image)
    if max(image.size) <= SMALL:
        whole = seen.part(None, SMALL)
        ink = ink_of(whole)
        return View([], Found(nothing=True), whole) if ink is None else _as_a_whole(ink, whole, image.size)
    first = seen.part(None, SEARCHED[0])
    ink = ink_of(first)
    if ink is not None and is_cut_at_the_digit(ink):
        return _as_a_whole(ink, first, image.size)
    for size in SEARCHED:
        whole = _enlarged(first if size == SEARCHED[0] else seen.part(None, size))
        dotted = speckled(whole)
        if dotted:
            whole = without_speckles(whole)
        found = find(whole)
        longest = max((max(d.box[2] - d.box[0], d.box[3] - d.box[1]) for d in found.digits), default=0)
        if longest >= CLEAR or max(image.size) <= size:
            break
    factor = -(-max(image.size) // size) if max(image.size) > size else max(image.size) / max(whole.shape)
    cut = (_cut(seen, digit.mask, factor, dotted) for digit in found.digits)
    return View([form for form in cut if form is not None], found, whole)


def _as_a_whole(ink: Floats, whole: Floats, size: tuple[int, int]) -> View:
    """Return a picture that is one digit from edge to edge."""
    height, width = ink.shape
    digit = Digit((0, 0, width, height), ink > FAINT)
    return View([Form(ink_form(ink), (0, 0, *size))], Found([digit]), whole)


def _enlarged(picture: Floats) -> Floats:
    """Enlarge a small picture, (H, W, C), so that strokes are several pixels wide."""
    height, width, channels = picture.shape
    zoom = ENLARGED // max(height, width)
    if zoom <= 1:
        return picture
    size = width * zoom, height * zoom
    images = [Image.fromarray(picture[:, :, channel]) for channel in range(channels)]
    return np.dstack([np.asarray(image.resize(size, Image.Resampling.BILINEAR)) for image in images])


def ink_form(ink: Floats) -> NDArray[np.uint8]:
    """Bring ink, (H, W) from 0 to 1, to MNIST's form, (28, 28)."""
    return _centred(_fitted(ink))


def _cut(picture: Colours, mask: NDArray[np.bool_], factor: float, dotted: bool) -> Form | None:
    """Cut a digit out of the picture at full resolution."""
    left, top, right, bottom = bounding_box(mask)
    margin = round(0.25 * max(right - left, bottom - top)) + 2
    height, width = mask.shape
    left, top = max(0, left - margin), max(0, top - margin)
    right, bottom = min(width, right + margin), min(height, bottom + margin)
    limits = picture.image.size
    box = (
        *(int(factor * side) for side in (left, top)),
        *(min(math.ceil(factor * side), limit) for side, limit in zip((right, bottom), limits, strict=True)),
    )
    part = picture.part(box, WORKING_SIZE)
    if dotted:
        part = without_speckles(part)
    own = Image.fromarray(mask[top:bottom, left:right].view(np.uint8) * 255).resize(
        part.shape[1::-1], Image.Resampling.BILINEAR
    )
    inside = np.asarray(own) > 127
    difference = np.abs(part - _paper_around(part, inside)).max(axis=2)
    noise = np.median(difference[~inside]) if not inside.all() else 0.0
    ink: Floats = np.where(inside, np.maximum(difference - NOISE * noise, 0), 0).astype(np.float32)
    if ink.max() < LEAST_CONTRAST / 2:
        return None
    ink /= ink.max()
    x0, y0, x1, y1 = bounding_box(ink > FAINT)
    across, down = (box[2] - box[0]) / part.shape[1], (box[3] - box[1]) / part.shape[0]
    where = (
        *(box[0] + int(x0 * across), box[1] + int(y0 * down)),
        *(box[0] + math.ceil(x1 * across), box[1] + math.ceil(y1 * down)),
    )
    return Form(ink_form(ink), where)


def _paper_around(part: Floats, ink: NDArray[np.bool_]) -> Floats:
    """Return the colour of the paper at each pixel, (H, W, C), from the pixels that are not ink.

    A mean, weighted by distance: close by where there is paper, from further away within the ink.
    """
    known = (~ink).astype(np.float32)
    if not known.any():
        return np.zeros_like(part)
    paper = np.zeros_like(part)
    open_pixels = np.ones(ink.shape, dtype=bool)
    longer = max(ink.shape)
    for size in (longer // 16 + 3, longer // 4 + 3, longer, 2 * longer):
        weight = ndimage.uniform_filter(known, size, mode="constant")
        enough = open_pixels & (weight > (0.05 if size < longer else 1e-4))
        for channel in range(part.shape[2]):
            mean = ndimage.uniform_filter(part[:, :, channel] * known, size, mode="constant")
            paper[enough, channel] = mean[enough] / weight[enough]
        open_pixels &= ~enough
    return paper


def _fitted(ink: Floats) -> Floats:
    """Return the ink's bounding box, scaled so that its longer side is 20 pixels: (h, w), 0 to 1."""
    left, top, right, bottom = bounding_box(ink > FAINT)
    longer = max(right - left, bottom - top)
    size = (max(1, round(BOX * (right - left) / longer)), max(1, round(BOX * (bottom - top) / longer)))
    box = Image.fromarray(ink).crop((left, top, right, bottom))
    smooth = Image.Resampling.BICUBIC if longer < BOX else Image.Resampling.HAMMING
    digit = np.array(box.resize(size, smooth), dtype=np.float32).clip(0)
    digit /= digit.max()  # otherwise thin lines would be pale
    if longer < BOX:  # strokes narrower than a pixel of the picture have lost darkness
        digit = np.minimum(GAIN * digit, 1)
    return digit


def _centred(digit: Floats) -> NDArray[np.uint8]:
    """Place the digit with its centre of mass at the centre, or as near as possible without cutting it off.

    Args:
        digit: (h, w), 0 to 1.

    Returns:
        (28, 28) bytes.
    """
    place = []
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis)
        centre_of_mass = float(mass @ np.arange(len(mass)) / mass.sum())
        place.append(min(max(0, round(CENTRE - centre_of_mass)), SIZE - len(mass)))
    (top, left), (height, width) = place, digit.shape
    image = np.zeros((SIZE, SIZE), dtype=np.uint8)
    image[top : top + height, left : left + width] = np.rint(255 * digit)
    return image
