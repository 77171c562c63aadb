"""Pictures are brought to MNIST's form: MNIST digits, turned into many kinds of pictures, come back as they were."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from mnist_mlp.data.dataset import Examples
from mnist_mlp.errors import InputError
from mnist_mlp.inference.find import nets_of_the_package
from mnist_mlp.inference.load import load_net
from mnist_mlp.inference.trained import Trained
from mnist_mlp.pictures.form import ink_form, mnist_form
from mnist_mlp.pictures.read import MAX_BYTES, read_image

Bytes = NDArray[np.uint8]


@pytest.fixture(scope="module")
def best_net() -> Trained:
    """The net of the package, which `predict` uses unless the user has a run. Its test accuracy is 99.5%."""
    return load_net(nets_of_the_package()[-1])


def digits(mnist: tuple[Examples, Examples], n: int) -> list[Bytes]:
    return list(mnist[0].images[:n].numpy())


def saved(image: Image.Image, form: str = "PNG", **options: object) -> io.BytesIO:
    """Save the picture as a file in memory."""
    file = io.BytesIO()
    image.save(file, form, **options)
    file.seek(0)
    return file


def enlarged(digit: Bytes, size: int = 280) -> Image.Image:
    return Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC)


def rgba(ink: tuple[int, int, int], opacity: Bytes) -> Image.Image:
    image = Image.new("RGBA", opacity.shape[::-1], (*ink, 0))
    image.putalpha(Image.fromarray(opacity))
    return image


def blend(digit: Bytes, paper: tuple[int, int, int], ink: tuple[int, int, int]) -> Image.Image:
    share = digit[:, :, None] / 255
    return Image.fromarray(np.rint(share * ink + (1 - share) * paper).astype(np.uint8))


def card(digit: Bytes) -> Image.Image:
    """Black ink on a white card with transparent surroundings."""
    image = Image.new("RGBA", (60, 50))
    image.paste(Image.fromarray(255 - digit).convert("RGBA"), (20, 10))
    return image


def turned(digit: Bytes) -> Image.Image:
    """A picture stored on its side, with the EXIF orientation that a camera writes."""
    exif = Image.Exif()
    exif[0x0112] = 6  # viewers turn it by 90 degrees clockwise
    image = Image.fromarray(digit).transpose(Image.Transpose.ROTATE_90)
    return read_image(saved(image, exif=exif))


SAME_DIGIT: dict[str, Callable[[Bytes], Image.Image]] = {
    "dark on light": lambda digit: Image.fromarray(255 - digit),
    "pale grey pencil": lambda digit: Image.fromarray(255 - digit // 2),
    "RGB, blue on yellow": lambda digit: blend(digit, (255, 250, 150), (10, 20, 160)),
    "RGB, red on equally bright green": lambda digit: blend(digit, (0, 140, 0), (230, 20, 20)),
    "RGBA, black on transparent": lambda digit: rgba((0, 0, 0), digit),
    "RGBA, white on transparent": lambda digit: rgba((255, 255, 255), digit),
    "RGBA, a card on transparent": card,
    "grey with opacity": lambda digit: rgba((0, 0, 0), digit).convert("LA"),
    "palette": lambda digit: Image.fromarray(255 - digit).convert("P"),
    "16 bit": lambda digit: Image.fromarray(65535 - digit.astype(np.uint16) * 257),
    "32 bit": lambda digit: Image.fromarray(digit.astype(np.int32) * 257),
    "float": lambda digit: Image.fromarray(digit.astype(np.float32) / 255),
    "CMYK": lambda digit: Image.fromarray(255 - digit).convert("CMYK"),
    "turned, with EXIF orientation": turned,
    "far in a corner": lambda digit: Image.fromarray(np.pad(255 - digit, ((3, 40), (60, 7)), constant_values=255)),
}


@pytest.mark.parametrize("picture", SAME_DIGIT.values(), ids=SAME_DIGIT)
def test_the_same_digit_in_another_picture(
    mnist: tuple[Examples, Examples], picture: Callable[[Bytes], Image.Image]
) -> None:
    """Modes, colours, transparency and position change the result only by rounding."""
    for digit in digits(mnist, 20):
        difference = mnist_form(picture(digit)).astype(int) - mnist_form(digit)
        assert np.abs(difference).max() <= 3


def activations(trained: Trained, images: list[Bytes]) -> Tensor:
    return trained.activations(torch.from_numpy(np.stack(images)))


def test_mnist_digits_already_have_mnists_form(
    mnist: tuple[Examples, Examples], best_net: Trained, tmp_path: Path
) -> None:
    """1,000 digits, saved as PNG and read again, come back as they were, or scaled by a pixel.

    The net sees the same digits in them. Its two largest activations differ by 0.02 or more, so rounding is no matter.
    """
    originals = digits(mnist, 1_000)
    results = []
    for digit in originals:
        Image.fromarray(digit).save(tmp_path / "digit.png")
        results.append(mnist_form(read_image(tmp_path / "digit.png")))
    differences = [np.abs(a.astype(int) - b) for a, b in zip(results, originals, strict=True)]
    assert np.mean([difference.max() <= 1 for difference in differences]) > 0.8
    assert np.mean([difference.mean() < 1 for difference in differences]) > 0.99
    assert torch.equal(activations(best_net, results).argmax(dim=1), activations(best_net, originals).argmax(dim=1))


def photo(digit: Bytes, seed: int = 0) -> Image.Image:
    """A photo as from a phone: brownish paper, a shadow from one side, dark corners, noise, JPEG."""
    rng = np.random.default_rng(seed)
    height, width = 700, 500
    ink = np.zeros((height, width, 1))
    top, left = rng.integers(0, height - 300), rng.integers(0, width - 300)
    ink[top : top + 300, left : left + 300, 0] = np.asarray(enlarged(digit, 300)) / 255
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width - 0.5, y / height - 0.5
    light = 1 + 0.2 * x - 0.3 * (x * x + y * y)
    colours = (ink * (50, 50, 80) + (1 - ink) * (200, 194, 180)) * light[:, :, None]
    noisy = colours + rng.normal(0, 5, colours.shape)
    return read_image(saved(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), "JPEG", quality=80))


LIKE_DIGIT: dict[str, Callable[[Bytes], Image.Image]] = {
    "ten times as large": enlarged,
    "ten times as large, pixels as squares": lambda digit: Image.fromarray(digit).resize((280, 280), 0),
    "ten times as large, dark on light, JPEG": lambda digit: read_image(
        saved(Image.fromarray(255 - np.asarray(enlarged(digit))), "JPEG")
    ),
    "palette, the paper transparent": lambda digit: read_image(
        saved(Image.fromarray(255 - np.asarray(enlarged(digit))).convert("P"), "GIF", transparency=255)
    ),
    "black and white": lambda digit: enlarged(digit).point(lambda level: 255 * (level > 127)).convert("1"),
    "small JPEG": lambda digit: read_image(saved(Image.fromarray(digit), "JPEG")),
    "photo": photo,
}


@pytest.mark.parametrize("picture", LIKE_DIGIT.values(), ids=LIKE_DIGIT)
def test_pictures_that_blur_or_add_noise(
    mnist: tuple[Examples, Examples], best_net: Trained, picture: Callable[[Bytes], Image.Image]
) -> None:
    """The net classifies all correctly, and they differ from the originals much less than two digits differ.

    The activation of the right digit is the largest by more than 0.5, so rounding is no matter.
    """
    n = 20 if picture is photo else 40
    originals, labels = digits(mnist, n), mnist[0].labels[:n]
    results = [mnist_form(picture(digit)) for digit in originals]
    assert activations(best_net, results).argmax(dim=1).tolist() == labels.tolist()
    difference = np.mean([np.abs(a.astype(int) - b) for a, b in zip(results, originals, strict=True)])
    between_digits = np.mean([np.abs(a.astype(int) - b) for a, b in zip(results, originals[1:], strict=False)])
    assert difference < between_digits / 3


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 120),
    width=st.integers(1, 120),
    margins=st.tuples(*[st.integers(2, 90)] * 4),
)
def test_a_box_of_ink_is_scaled_and_centred(height: int, width: int, margins: tuple[int, int, int, int]) -> None:
    """A box of any size and position becomes 20 pixels long on its longer side, keeps its aspect ratio, and is centred.

    MNIST was made in this way.
    """
    top, bottom, left, right = margins
    box = np.pad(np.ones((height, width), np.float32), ((top, bottom), (left, right)))
    result = ink_form(box)
    assert result.shape == (28, 28)
    assert result.dtype == np.uint8
    assert result.max() == 255
    for axis, length in ((0, height), (1, width)):
        ink = np.flatnonzero((result > 20).any(axis=1 - axis))
        assert ink[-1] - ink[0] + 1 == pytest.approx(20 * length / max(height, width), abs=1.01)
        mass = result.sum(axis=1 - axis, dtype=float)
        assert mass @ np.arange(28) / mass.sum() == pytest.approx(14, abs=0.51)


def test_nothing_is_cut_off() -> None:
    """With its centre of mass at the centre, the tail of this blot would not fit, so the blot is placed off-centre."""
    picture = np.zeros((100, 100), np.uint8)
    picture[10:30, 10:30] = 255
    picture[28:30, 10:90] = 255
    result = mnist_form(picture)
    assert np.flatnonzero((result > 20).any(axis=0)).tolist() == list(range(8, 28))


def test_thin_lines_are_not_pale() -> None:
    picture = np.full((300, 300), 255, np.uint8)
    picture[50:250, 150] = 0
    result = mnist_form(picture)
    assert result.max() == 255
    assert (result > 100).sum() == 20


@pytest.mark.parametrize(
    "image",
    [
        Image.new("L", (28, 28), 0),
        Image.new("RGB", (300, 200), (250, 240, 230)),
        Image.new("RGBA", (50, 50), (0, 0, 0, 0)),
        Image.new("1", (1, 1)),
        Image.fromarray(np.random.default_rng(0).normal(200, 5, (400, 300, 3)).astype(np.uint8)),
    ],
    ids=["black", "paper", "transparent", "one pixel", "noise"],
)
def test_a_picture_without_ink(image: Image.Image) -> None:
    with pytest.raises(InputError, match="nothing in it stands out"):
        mnist_form(image)


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG file of a few bytes whose header claims this size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = struct.pack(">I", 1_000) + b"IDAT" + zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + start


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "text": (b"not a picture, only a text", "not a picture that can be read"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\n", "not a picture that can be read"),
    "large": (png_that_claims(9_000, 9_000), "9000 x 9000 pixels"),
    "bomb": (png_that_claims(100_000, 100_000), "too large"),
    "header only": (png_that_claims(28, 28), "damaged"),
    "cut off": (saved(Image.effect_noise((200, 200), 50)).getvalue()[:9_000], "damaged"),
    "JPEG, cut off": (saved(Image.effect_noise((200, 200), 50), "JPEG").getvalue()[:3_000], "damaged"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("content", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_files(tmp_path: Path, content: bytes, words: str) -> None:
    """The error is one sentence, for a file and for a stream, and Pillow prints no warning."""
    (tmp_path / "bad.png").write_bytes(content)
    for source in (tmp_path / "bad.png", io.BytesIO(content)):
        with pytest.raises(InputError, match=words) as error:
            read_image(source)
        assert str(error.value).count(". ") == 0


def test_file_too_large_or_missing(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)  # a sparse file: it takes no disk space
    with pytest.raises(InputError, match="more than 64 MiB"):
        read_image(tmp_path / "large.png")
    with pytest.raises(InputError, match="No such file"):
        read_image(tmp_path / "nowhere.png")
