"""Damaged pictures of every format that is read."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnist_mlp.data.dataset import Examples
from mnist_mlp.pictures.form import mnist_form
from mnist_mlp.pictures.read import FORMATS, MAX_PIXELS, read_image
from tests.mutation.conftest import SEED
from tests.mutation.judge import judge
from tests.mutation.mutate import mutated_bytes

MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "JPEG": ["L", "RGB", "CMYK"],
    "GIF": ["1", "L", "P"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB", "YCbCr"],
    "WEBP": ["RGB", "RGBA"],
    "PPM": ["1", "L", "RGB"],
}

TURNED = Image.Exif()
TURNED[0x0112] = 6  # the orientation of a picture that is stored on its side
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "PNG": [{"exif": TURNED}, {}],
    "JPEG": [{"exif": TURNED}, {"progressive": True}],
    "TIFF": [{"compression": "raw"}, {"compression": "tiff_lzw"}, {"compression": "tiff_deflate"}],
    "WEBP": [{"lossless": True}, {"quality": 80}],
}


def pictures(digit: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", form: str) -> list[bytes]:
    """The digit as files of a format, in every mode."""
    grey = Image.fromarray(digit)
    images = []
    for mode in MODES[form]:
        if mode in ("I;16", "I", "F"):
            dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
            image = Image.fromarray(digit.astype(dtype) * dtype(1 if mode == "F" else 257))
        else:
            image = (grey.convert("RGB") if mode in ("LAB", "P") else grey).convert(mode)
        for option in OPTIONS.get(form, [{}]):
            file = io.BytesIO()
            image.save(file, form, **option)
            images.append(file.getvalue())
    if form == "PPM":  # two that older versions of Pillow do not write, and two as text
        images.append(b"P5\n28 28\n65535\n" + (digit.astype(">u2") * np.uint16(257)).astype(">u2").tobytes())
        images.append(b"Pf\n28 28\n-1.0\n" + digit[::-1].astype("<f4").tobytes())
        images.append(b"P2 # text\n28 28\n255\n" + b" ".join(b"%d" % n for n in digit.flatten()))
        images.append(b"P1\n28 28\n" + b" ".join(b"%d" % (n > 99) for n in digit.flatten()))
    return images


def mutated(rng: random.Random, count: int, originals: list[bytes]) -> Iterator[bytes]:
    for _ in range(count):
        content = mutated_bytes(rng, rng.choice(originals))
        yield with_right_checksums(content) if content[:4] == b"\x89PNG" and rng.random() < 0.7 else content


def with_right_checksums(png: bytes) -> bytes:
    """Correct the checksum of every chunk, so that a change gets further than the first check."""
    parts, at = [png[:8]], 8
    while at + 8 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        chunk = png[at + 4 : at + 8 + length]
        parts.append(png[at : at + 4] + chunk + struct.pack(">I", zlib.crc32(chunk)))
        at += 12 + length
    return b"".join(parts)


def read(content: bytes) -> None:
    image = mnist_form(read_image(io.BytesIO(content)))
    assert image.shape == (28, 28)
    assert image.dtype == np.uint8
    assert image.max() == 255


@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("PNG", "I;16"), ("TIFF", "F"), ("WEBP", "RGB")])
def test_the_largest_pictures(form: str, mode: str) -> None:
    """An angular 7 on paper of nearly as many pixels as are read. Its file has less than 3 MB."""
    side = int(MAX_PIXELS**0.5)
    paper = np.full((side, side), 255, dtype={"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8))
    third, half, stroke = side // 3, side // 2, side // 30
    paper[third : third + stroke, third:half] = 0
    paper[third : 2 * third, half - stroke : half] = 0
    file = io.BytesIO()
    image = Image.fromarray(paper * (paper.dtype.type(257) if mode == "I;16" else 1))
    (image.convert(mode) if mode.startswith("RGB") else image).save(
        file, form, **({"compression": "tiff_lzw"} if form == "TIFF" else {})
    )
    del image, paper
    report = judge(iter([file.getvalue()]), read)
    assert not report.failures, str(report)
    assert report.counts["result"] == 1


@pytest.mark.parametrize("form", FORMATS)
def test_mutated_pictures(form: str, count: int, mnist: tuple[Examples, Examples]) -> None:
    rng = random.Random(f"{SEED} {form}")
    report = judge(mutated(rng, count, pictures(mnist[0].images[0].numpy(), form)), read)
    print(form, report)
    assert not report.failures, str(report)
    assert report.counts["result"] > 0
    assert report.counts["sentence"] > 0
