"""From a picture of a digit to the form of MNIST's images, as MNIST was made.

LeCun, Cortes and Burges (yann.lecun.com/exdb/mnist): the digit is fitted into a box of 20 x 20 pixels, its aspect
ratio kept and its edges anti-aliased, and the box is placed in 28 x 28 so that its centre of mass is at the centre.
Measured on the files: of the 60,000 training digits, 59,987 are exactly 20 pixels long on their longer side, and all
have their centre of mass within half a pixel of index 14. So an image that has this form already comes out as it was,
or nearly.

What MNIST's makers did not meet is colour, transparency, shadows and noise. Here paper is what most of the picture's
edge shows, and ink is what differs from it: so dark on light and light on dark are the same.
"""

import io
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, UnidentifiedImageError

from mnist_mlp.errors import InputError

SIZE = 28
BOX = 20
CENTRE = 14  # the index, counted from 0, at which MNIST has the centre of mass

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # none that runs other programs, as EPS does
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 64_000_000  # more than the cameras of most telephones give

WORKING_SIZE = 400  # a picture larger than this is reduced to about it, which averages its noise, too
CARD = 0.7  # what is opaque is a card, not a digit's strokes, if it fills more than this share of its bounding box
SHADOW = 0.25  # how far the light may go apart along the picture's edge, as a share of white
NOISE = 4.0  # ink is what differs from the paper by more than so many times the edge's median unevenness
LEAST_CONTRAST = 0.05  # between ink and paper, as a share of black on white
FAINT = 0.1  # ink weaker than this share of the strongest does not count for the digit's box

Floats = NDArray[np.float32]


def read_image(source: Path | BinaryIO) -> Image.Image:
    """Open a picture, upright (cameras note in EXIF how they were held).

    Args:
        source: a file's path, or a stream that gives one picture's bytes.

    Raises:
        InputError: it is missing, empty, huge, damaged or no picture. The message does not give its name.
    """
    try:
        content = source.read_bytes() if isinstance(source, Path) else source.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror or error}); give the path of a picture.") from error
    if not content:
        raise InputError("it is empty; give a picture of a digit.")
    if len(content) > MAX_BYTES:
        raise InputError(f"it has more than {MAX_BYTES // 2**20} MiB; give a smaller picture.")
    too_large = f"give a picture of at most {MAX_PIXELS // 10**6} million pixels."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, on sizes that are refused here and on odd metadata
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise InputError(f"it is not a picture that can be read ({', '.join(FORMATS)}).") from error
        except Image.DecompressionBombError as error:
            raise InputError(f"it is too large; {too_large}") from error
        if image.width * image.height > MAX_PIXELS:
            raise InputError(f"it has {image.width} x {image.height} pixels; {too_large}")
        try:
            return ImageOps.exif_transpose(image)
        except Exception as error:  # Pillow's readers raise errors of many kinds on damaged files
            raise InputError("it is damaged; give a picture that can be opened.") from error


def mnist_form(image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of one digit as an image such as MNIST's.

    Args:
        image: of any size and mode; or an array of bytes, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.

    Returns:
        (28, 28), 0 paper to 255 ink.

    Raises:
        InputError: it shows nothing. The message does not give the picture's name.
    """
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    return _centred(_fitted(_ink(_colours(image))))


def _colours(image: Image.Image) -> Floats:
    """(H, W, C), grey or RGB, each channel 0..1; transparent paper gets a colour."""
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, which Pillow's own conversion would cut off
        levels = np.nan_to_num(np.asarray(image, dtype=np.float32))
        white = max(65535.0 if image.mode.startswith("I") else 1.0, float(levels.max()))
        return np.asarray(_reduced(Image.fromarray(levels / white)))[:, :, None]
    try:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except ValueError as error:
        raise InputError(f"its colours ({image.mode}) cannot be converted to RGB; give a picture in RGB.") from error
    values: Floats = np.asarray(_reduced(image), dtype=np.float32) / np.float32(255)
    rgb, opacity = values[:, :, :3], values[:, :, 3:]
    return rgb * opacity + _backdrop(rgb, opacity[:, :, 0]) * (1 - opacity) if opacity.size else rgb


def _backdrop(rgb: Floats, opacity: Floats) -> Floats:
    """(3,), the colour that the paper gets where it is transparent."""
    opaque = opacity > 0.5
    if not opaque.any():
        return np.zeros(3, dtype=np.float32)
    seen = rgb[opaque]
    usual: Floats = np.median(seen, axis=0)
    if np.ptp(seen, axis=0).max() > 0.5:
        inner = np.asarray(Image.fromarray(opaque.view(np.uint8)).filter(ImageFilter.MinFilter(3)), dtype=bool)
        outline: Floats = np.median(rgb[opaque & ~inner], axis=0) if not inner[opaque].all() else usual
        if np.abs(outline - usual).max() > 0.25:
            return outline  # ink that fades to the colour of a paper that was taken away
        left, top, right, bottom = _box(opaque)
        if opaque[top:bottom, left:right].mean() > CARD:
            return usual  # a card with ink on it
    return np.full(3, usual.mean() < 0.5, dtype=np.float32)  # ink on nothing


def _box(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The bounding box of what is true: left, top, right, bottom, the last two not included."""
    rows, columns = (where.any(axis=axis).nonzero()[0] for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _reduced(image: Image.Image) -> Image.Image:
    """The mean of square blocks of pixels, where the picture is larger than is needed."""
    factor = -(-max(image.size) // WORKING_SIZE)
    return image.reduce(factor) if factor > 1 else image


def _ink(picture: Floats) -> Floats:
    """(H, W, C) colours -> (H, W), 0 paper to 1 the strongest ink: how far a colour is from the paper's."""
    edge = np.ones(picture.shape[:2], dtype=bool)
    edge[1:-1, 1:-1] = False
    difference = np.abs(picture - _paper(picture, edge)).max(axis=2)
    ink: Floats = np.maximum(difference - NOISE * np.median(difference[edge]), 0)
    if ink.max() < LEAST_CONTRAST:
        raise InputError("nothing in it stands out from the paper; give a picture of a digit.")
    ink /= ink.max()
    return ink


def _paper(picture: Floats, edge: NDArray[np.bool_]) -> Floats:
    """(H, W, C): the paper's colour at each pixel.

    The light may be stronger at one side, or in the middle: a polynomial of second degree in x and y, fitted by
    least squares to those pixels of the edge that are about as bright as most of it.
    """
    height, width, _ = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)
    seen = picture[edge]
    middle = np.median(seen, axis=0)
    is_paper = np.abs(seen - middle).max(axis=1) < SHADOW / 2
    factors = np.linalg.lstsq(terms[edge][is_paper], seen[is_paper] - middle, rcond=None)[0]
    paper: Floats = middle + terms @ factors
    return paper


def _fitted(ink: Floats) -> Floats:
    """The ink's bounding box, scaled so that its longer side is 20 pixels; (h, w), 0..1."""
    left, top, right, bottom = _box(ink > FAINT)
    longer = max(right - left, bottom - top)
    size = (max(1, round(BOX * (right - left) / longer)), max(1, round(BOX * (bottom - top) / longer)))
    box = Image.fromarray(ink).crop((left, top, right, bottom))
    digit = np.array(box.resize(size, Image.Resampling.HAMMING), dtype=np.float32)
    digit /= digit.max()  # thin lines would be pale
    return digit


def _centred(digit: Floats) -> NDArray[np.uint8]:
    """(h, w) -> (28, 28) bytes: the centre of mass at the centre, or as near as the digit can be without a cut."""
    place = []
    for axis in (0, 1):
        mass = digit.sum(axis=1 - axis)
        centre_of_mass = float(mass @ np.arange(len(mass)) / mass.sum())
        place.append(min(max(0, round(CENTRE - centre_of_mass)), SIZE - len(mass)))
    (top, left), (height, width) = place, digit.shape
    image = np.zeros((SIZE, SIZE), dtype=np.uint8)
    image[top : top + height, left : left + width] = np.rint(255 * digit)
    return image
