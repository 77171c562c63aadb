"""Read picture files of the usual formats, upright, within limits of size and memory."""

import io
import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

from mnist_mlp.errors import InputError

# Without EPS, which Pillow reads by running another program.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm")
# Endings of files that people take for pictures, which are not read. `read_image` says what they are.
UNREAD = (".heic", ".heif", ".avif", ".jxl", ".svg", ".pdf", ".eps", ".psd", ".dng", ".cr2", ".nef", ".arw", ".ico")
HEIC = (
    "it is a HEIC picture, which is not read; give a JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible; "
    "on a Mac: `sips -s format jpeg FILE --out FILE.jpg`)."
)
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 28_000_000  # decoding takes up to 17 bytes for each, 480 MB
MAX_PIXELS_JPEG = 50_000_000  # more than most phone cameras store; decoding takes up to 8 bytes for each
DAMAGED = "it is damaged; give a picture that can be opened."


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
    if other := _other_format(content):
        raise InputError(other)
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


def _other_format(content: bytes) -> str | None:
    """Return a sentence about a file of a known format that is not read; None for others."""
    brand = content[8:12] if content[4:8] == b"ftyp" else b""
    if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
        return HEIC
    start = content[:1000].lstrip().lower()
    names = {"AVIF": brand in (b"avif", b"avis"), "PDF": start.startswith(b"%pdf")}
    names["SVG"] = start.startswith((b"<svg", b"<?xml")) and b"<svg" in start
    for name, found in names.items():
        if found:
            return f"it is a file of the format {name}, which is not read; give a PNG or JPEG."
    return None
