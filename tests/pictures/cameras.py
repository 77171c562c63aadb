"""More kinds of pictures: what cameras, pens, sizes and edges do to a digit."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.pictures.making import Bytes, Kind, grey, marker, on_paper, plain, thin_pen
from tests.pictures.surroundings import inner_frame


def small_in_a_corner(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    at = [(15, 12), (500, 490), (10, 500)][int(rng.integers(3))]
    return grey(on_paper(digit, size=80, at=at, paper=240, ink=30) + rng.normal(0, 3, (600, 600)))


def ink_box(digit: Bytes) -> tuple[int, int, int, int]:
    box = Image.fromarray(digit).point(lambda level: 255 * (level > 60)).getbbox()
    assert box is not None
    return box


def at_the_edges(picture: Image.Image, edges: str) -> Image.Image:
    """Cut a dark digit on white paper at its own left, top, right or bottom: "l", "t", "r", "b"."""
    box = picture.convert("L").point(lambda level: 255 * (level < 195)).getbbox()
    assert box is not None
    cut = [own if edge in edges else far for own, far, edge in zip(box, (0, 0, *picture.size), "ltrb", strict=True)]
    return picture.crop((cut[0], cut[1], cut[2], cut[3]))


def tight_crop(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(plain(digit, rng), "ltrb")


def tight_thin_pen(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(thin_pen(digit, rng), "ltrb")


def tight_marker(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(marker(digit, rng), "ltrb")


def tight_light_on_dark(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return tight_crop(digit, rng).point(lambda level: 220 - level * 3 // 4)


def touching_one_edge(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(plain(digit, rng), "ltrb"[int(rng.integers(4))])


def touching_two_edges(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(plain(digit, rng), ["lt", "tr", "rb", "lb", "lr", "tb"][int(rng.integers(6))])


def touching_three_edges(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return at_the_edges(plain(digit, rng), ["ltr", "trb", "lrb", "ltb"][int(rng.integers(4))])


def salt_and_pepper(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    values = on_paper(digit, ink=30, paper=230)
    chance = rng.random(values.shape)
    values[chance < 0.03] = 0
    values[chance > 0.97] = 255
    return grey(values)


def blurred(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return plain(digit, rng).filter(ImageFilter.GaussianBlur(rng.uniform(4, 9)))


def perspective(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    a, b = rng.uniform(-2e-4, 2e-4, 2)
    return grey(on_paper(digit, ink=40, paper=225)).transform(
        (600, 600), Image.Transform.PERSPECTIVE, (1, 0.03, 0, 0.02, 1, 0, a, b), 2, fillcolor=70
    )


def pixels(size: int, margin: int, digit: Bytes) -> Image.Image:
    left, top, right, bottom = ink_box(digit)
    side = max(right - left, bottom - top)
    square = Image.new("L", (side, side))
    square.paste(
        Image.fromarray(digit).crop((left, top, right, bottom)),
        ((side - right + left) // 2, (side - bottom + top) // 2),
    )
    picture = Image.new("L", (size, size), 0)
    picture.paste(square.resize((size - 2 * margin,) * 2, Image.Resampling.BOX if size < side else 3), (margin, margin))
    return picture


def size_8(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return pixels(8, 0, digit)


def size_16(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return pixels(16, int(rng.integers(3)), digit).point(lambda v: 255 - v)


def size_28_tight(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return pixels(28, 0, digit)


def size_40(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return pixels(40, int(rng.integers(8)), digit)


def size_64(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return pixels(64, int(rng.integers(20)), digit).point(lambda v: 255 - v)


def as_it_is(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(digit)


def dry_pen(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A pen that leaves gaps across the strokes."""
    coarse = Image.fromarray((rng.random((60, 60)) * 255).astype(np.uint8)).resize((600, 600), 3)
    holes = np.asarray(coarse) > 175
    return grey(np.where(holes, 245, on_paper(digit, ink=60, paper=245)))


def torn(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """The strokes are interrupted by one narrow stripe."""
    values = on_paper(digit)
    at = int(rng.integers(240, 360))
    if rng.random() < 0.5:
        values[at : at + 9] = 255
    else:
        values[:, at : at + 9] = 255
    return grey(values)


def transparent(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGBA", (600, 600), (20, 20, 60, 0))
    image.putalpha(grey(on_paper(digit, paper=0, ink=255)))
    return image


def white_frame_on_black(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return inner_frame(digit, rng).point(lambda v: 255 - v)


def card_on_desk(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A small card on a large desk."""
    desk = np.full((1200, 1600), 90.0) + rng.normal(0, 4, (1200, 1600))
    y, x = int(rng.integers(100, 700)), int(rng.integers(100, 1100))
    desk[y : y + 320, x : x + 320] = on_paper(digit, size=220, canvas=(320, 320), at=(50, 50), paper=225, ink=40)
    return grey(desk)


def underlined(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).line([120, 450, 480, 450 + int(rng.integers(-8, 8))], fill=0, width=5)
    return picture


def scan_border(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A scan: white paper, black wedges at the edges, dust."""
    picture = grey(on_paper(digit, ink=40, paper=245) + rng.normal(0, 2, (600, 600)))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 0), (600, 0), (600, 12), (0, 40)], fill=10)
    draw.polygon([(0, 0), (25, 0), (8, 600), (0, 600)], fill=10)
    for _ in range(12):
        x, y = (int(v) for v in rng.integers(60, 580, 2))
        draw.ellipse([x, y, x + 3, y + 4], fill=120)
    return picture


MORE: list[Kind] = [
    small_in_a_corner,
    tight_crop,
    tight_thin_pen,
    tight_marker,
    tight_light_on_dark,
    touching_one_edge,
    touching_two_edges,
    touching_three_edges,
    salt_and_pepper,
    blurred,
    perspective,
    size_8,
    size_16,
    size_28_tight,
    size_40,
    size_64,
    as_it_is,
    dry_pen,
    torn,
    transparent,
    white_frame_on_black,
    card_on_desk,
    underlined,
    scan_border,
]
