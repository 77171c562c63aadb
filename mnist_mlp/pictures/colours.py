"""The colours of a picture of any mode, whole and reduced, or a part of it at full resolution."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from mnist_mlp.errors import InputError

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]

WORKING_SIZE = 400  # pixels of the longer side; larger pictures are reduced to about this, which also averages noise
CARD = 0.7  # opaque pixels that fill more than this fraction of their bounding box are a card, not a digit's strokes


class Colours(NamedTuple):
    """A picture whose pixels can be read in parts.

    image: of mode L, RGB, RGBA, or F with values from 0 to 1.
    backdrop: (3,), the colour that transparent paper gets.
    """

    image: Image.Image
    backdrop: Floats

    def part(self, box: Box | None, size: int) -> Floats:
        """Return a part of the picture: (H, W, C), grey or RGB, each channel 0 to 1.

        Args:
            box: left, top, right, bottom; None is the whole picture.
            size: the longer side in pixels. Square blocks of pixels are averaged if the part is larger.
        """
        box = box or (0, 0, *self.image.size)
        factor = -(-max(box[2] - box[0], box[3] - box[1]) // size)
        pixels = self.image.reduce(factor, box) if factor > 1 else self.image.crop(box)
        values: Floats = np.asarray(pixels, dtype=np.float32)
        if self.image.mode in ("L", "F"):
            return (values if self.image.mode == "F" else values / np.float32(255))[:, :, None]
        values = values / np.float32(255)
        rgb, opacity = values[:, :, :3], values[:, :, 3:]
        return rgb * opacity + self.backdrop * (1 - opacity) if opacity.size else rgb


def colours(image: Image.Image) -> Colours:
    """Convert a picture of any mode.

    Raises:
        InputError: the colours cannot be converted to RGB.
    """
    none = np.zeros(3, dtype=np.float32)
    if image.mode.startswith(("I", "F")):  # 16 or 32 bits, which Pillow's own conversion would clip
        levels: Floats = np.array(image, dtype=np.float32)
        np.nan_to_num(levels, copy=False)
        largest = float(levels.max())
        # Of mode I, 32 bits, are arrays of bytes in larger numbers, too.
        white = 255.0 if image.mode == "I" and largest <= 255 else 65535.0 if image.mode.startswith("I") else 1.0
        white = max(white, largest)
        levels /= np.float32(white)  # in place, as are the lines above: large pictures take much memory
        return Colours(Image.fromarray(levels), none)
    try:
        if not image.has_transparency_data:
            return Colours(image.convert("L" if image.mode in ("1", "L") else "RGB"), none)
        rgba = Colours(image.convert("RGBA"), none)
    except Exception as error:  # a damaged palette, or a mode that Pillow does not convert
        raise InputError(f"its colours ({image.mode}) cannot be converted to RGB; give a picture in RGB.") from error
    factor = -(-max(image.size) // WORKING_SIZE)
    values: Floats = np.asarray(rgba.image.reduce(factor), dtype=np.float32) / np.float32(255)
    return rgba._replace(backdrop=_backdrop(values[:, :, :3], values[:, :, 3]))


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
        left, top, right, bottom = bounding_box(opaque)
        if opaque[top:bottom, left:right].mean() > CARD:
            return usual  # ink on a card
    return np.full(3, usual.mean() < 0.5, dtype=np.float32)  # ink without paper


def bounding_box(where: NDArray[np.bool_]) -> Box:
    """Return the bounding box of the true pixels: left, top, right, bottom, the last two exclusive."""
    rows, columns = (np.flatnonzero(where.any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
