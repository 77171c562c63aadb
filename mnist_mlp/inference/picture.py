"""Bring a picture of a digit to the form of MNIST's images, as MNIST's makers did.

LeCun, Cortes and Burges (yann.lecun.com/exdb/mnist) fit the digit into a box of 20 x 20 pixels, keep its aspect ratio
and anti-alias its edges. Then they place the box in 28 x 28 pixels, with the digit's centre of mass at the centre.
Measured on the files: 59,987 of the 60,000 training digits are exactly 20 pixels long on their longer side, and all
have their centre of mass within half a pixel of index 14. An image that already has this form therefore stays nearly
the same.

Pictures from users also have colours, transparency, shadows and noise. Paper is what most of the picture's edge shows,
and ink is everything that differs from it. Dark on light and light on dark therefore give the same image.
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
CENTRE = 14  # index of MNIST's centre of mass, counted from 0

# Without EPS, which Pillow reads by running another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 28_000_000  # decoding takes up to 17 bytes for each, 480 MB
MAX_PIXELS_JPEG = 50_000_000  # more than most phone cameras store; decoding takes up to 8 bytes for each
DAMAGED = "it is damaged; give a picture that can be opened."

WORKING_SIZE = 400  # pixels of the longer side; larger pictures are reduced to about this, which also averages noise
CARD = 0.7  # opaque pixels that fill more than this fraction of their bounding box are a card, not a digit's strokes
SHADOW = 0.25  # the largest difference in brightness along the picture's edge, as a fraction of white
NOISE = 4.0  # ink differs from the paper by more than this times the median difference along the edge
LEAST_CONTRAST = 0.05  # between ink and paper, as a fraction of the contrast of black and white
FAINT = 0.1  # ink below this fraction of the strongest ink does not count for the digit's bounding box

Floats = NDArray[np.float32]


def read_image(source: Path | BinaryIO) -> Image.Image:
    """Open a picture and turn it upright, by the camera's orientation in its EXIF data.

    Args:
        source: the path of a file, or a stream with the bytes of one picture.

    Raises:
        InputError: it is missing, empty, too large, damaged or not a picture. The message does not contain its name.
    """
    try:
        content = source.read_bytes() if isinstance(source, Path) else source.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"it cannot be read ({error.strerror or error}); give the path of a picture.") from error
    if not content:
        raise InputError("it is empty; give a picture of a digit.")
    if len(content) > MAX_BYTES:
        raise InputError(f"it has more than {MAX_BYTES // 2**20} MiB; give a smaller picture.")
    too_large = "give a picture of at most {} million pixels."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of sizes that are refused here, and of odd metadata
        try:
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        except UnidentifiedImageError as error:
            raise InputError(f"it is not a picture that can be read ({', '.join(FORMATS)}).") from error
        except Image.DecompressionBombError as error:
            raise InputError(f"it is too large; {too_large.format(MAX_PIXELS // 10**6)}") from error
        except Exception as error:  # on damaged files, Pillow's readers raise many kinds of errors
            raise InputError(DAMAGED) from error
        limit = MAX_PIXELS_JPEG if image.format in ("JPEG", "MPO") else MAX_PIXELS
        if image.width * image.height > limit:
            message = f"it has {image.width} x {image.height} pixels; {too_large}"
            raise InputError(message.format(limit // 10**6))
        try:
            image.load()
            ImageOps.exif_transpose(image, in_place=True)  # without a copy
            return image
        except Exception as error:
            raise InputError(DAMAGED) from error


def mnist_form(image: Image.Image | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring a picture of one digit to MNIST's form.

    Args:
        image: a picture of any size and mode; or an array of bytes, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.

    Returns:
        (28, 28), from 0 for paper to 255 for ink.

    Raises:
        InputError: nothing stands out from the paper. The message does not contain the picture's name.
    """
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    return _centred(_fitted(_ink(_colours(image))))


def _colours(image: Image.Image) -> Floats:
    """Return (H, W, C), grey or RGB, each channel 0 to 1; transparent paper gets a colour."""
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, which Pillow's own conversion would clip
        levels: Floats = np.array(image, dtype=np.float32)
        np.nan_to_num(levels, copy=False)
        white = max(65535.0 if image.mode.startswith("I") else 1.0, float(levels.max()))
        levels /= np.float32(white)  # in place, as are the lines above: large pictures take much memory
        return np.asarray(_reduced(Image.fromarray(levels)))[:, :, None]
    try:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    except Exception as error:  # a damaged palette, or a mode that Pillow does not convert
        raise InputError(f"its colours ({image.mode}) cannot be converted to RGB; give a picture in RGB.") from error
    values: Floats = np.asarray(_reduced(image), dtype=np.float32) / np.float32(255)
    rgb, opacity = values[:, :, :3], values[:, :, 3:]
    return rgb * opacity + _backdrop(rgb, opacity[:, :, 0]) * (1 - opacity) if opacity.size else rgb


def _backdrop(rgb: Floats, opacity: Floats) -> Floats:
    """Return (3,), the colour that transparent paper gets."""
    opaque = opacity > 0.5
    if not opaque.any():
        return np.zeros(3, dtype=np.float32)
    seen = rgb[opaque]
    usual: Floats = np.median(seen, axis=0)
    if np.ptp(seen, axis=0).max() > 0.5:
        inner = np.asarray(Image.fromarray(opaque.view(np.uint8)).filter(ImageFilter.MinFilter(3)), dtype=bool)
        outline: Floats = np.median(rgb[opaque & ~inner], axis=0) if not inner[opaque].all() else usual
        if np.abs(outline - usual).max() > 0.25:
            return outline  # ink that fades to the colour of the paper, which was made transparent
        left, top, right, bottom = _box(opaque)
        if opaque[top:bottom, left:right].mean() > CARD:
            return usual  # ink on a card
    return np.full(3, usual.mean() < 0.5, dtype=np.float32)  # ink without paper


def _box(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return the bounding box of the true pixels: left, top, right, bottom, the last two exclusive."""
    rows, columns = (where.any(axis=axis).nonzero()[0] for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _reduced(image: Image.Image) -> Image.Image:
    """Average square blocks of pixels if the picture is larger than WORKING_SIZE."""
    factor = -(-max(image.size) // WORKING_SIZE)
    return image.reduce(factor) if factor > 1 else image


def _ink(picture: Floats) -> Floats:
    """Return how far each colour is from the paper's: (H, W, C) -> (H, W), 0 for paper to 1 for the strongest ink."""
    edge = np.ones(picture.shape[:2], dtype=bool)
    edge[1:-1, 1:-1] = False
    difference = np.abs(picture - _paper(picture, edge)).max(axis=2)
    ink: Floats = np.maximum(difference - NOISE * np.median(difference[edge]), 0)
    if ink.max() < LEAST_CONTRAST:
        raise InputError("nothing in it stands out from the paper; give a picture of a digit.")
    ink /= ink.max()
    return ink


def _paper(picture: Floats, edge: NDArray[np.bool_]) -> Floats:
    """Return the colour of the paper at each pixel, (H, W, C).

    The light may be stronger on one side, or in the middle. So the colour is a polynomial of second degree in x and y,
    fitted by least squares to the pixels of the edge that are about as bright as most of it.
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
    """Return the ink's bounding box, scaled so that its longer side is 20 pixels: (h, w), 0 to 1."""
    left, top, right, bottom = _box(ink > FAINT)
    longer = max(right - left, bottom - top)
    size = (max(1, round(BOX * (right - left) / longer)), max(1, round(BOX * (bottom - top) / longer)))
    box = Image.fromarray(ink).crop((left, top, right, bottom))
    digit = np.array(box.resize(size, Image.Resampling.HAMMING), dtype=np.float32)
    digit /= digit.max()  # otherwise thin lines would be pale
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
