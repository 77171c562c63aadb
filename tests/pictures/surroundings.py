"""More kinds of pictures: what lies around a digit on desks, forms, screens and boards, and what cameras do to it."""

import numpy as np
from PIL import Image, ImageDraw

from tests.pictures.making import Bytes, Floats, Kind, enlarged, grey, jpeg, on_paper, plain


def lines_at(size: int, pitch: float, width: float, degrees: float, level: float) -> Floats:
    """Return white paper, (size, size), with parallel lines."""
    y, x = np.mgrid[0:size, 0:size].astype(float)
    angle = np.deg2rad(degrees)
    distance = (y * np.cos(angle) + x * np.sin(angle) + 7) % pitch
    return np.where(distance < width, level, 255.0)


def thick_border(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).rectangle([0, 0, 599, 599], outline=0, width=int(rng.integers(8, 50)))
    return picture


def inner_frame(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).rectangle([60, 70, 540, 530], outline=0, width=int(rng.integers(1, 7)))
    return picture


def rounded_frame(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    ImageDraw.Draw(picture).rounded_rectangle([60, 70, 540, 530], 60, outline=0, width=int(rng.integers(1, 9)))
    return picture


def double_frame(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    for inset in (10, 40):
        ImageDraw.Draw(picture).rectangle([inset, inset, 599 - inset, 599 - inset], outline=0, width=4)
    return picture


def drawn_circle(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = plain(digit, rng)
    angles = np.linspace(0, 2 * np.pi + 0.2, 60)
    radius = 240 + 12 * np.sin(3 * angles + rng.uniform(0, 6)) + 8 * np.sin(5 * angles)
    points = [(300 + r * np.cos(a), 300 + r * np.sin(a)) for a, r in zip(angles, radius, strict=True)]
    ImageDraw.Draw(picture).line(points, fill=20, width=8, joint="curve")
    return picture


def form_box(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A box of a form that touches or crosses the digit."""
    picture = plain(digit, rng)
    left, top = (int(v) for v in rng.integers(180, 205, 2))
    ImageDraw.Draw(picture).rectangle([left, top, left + 230, top + 230], outline=0, width=int(rng.integers(2, 6)))
    return picture


def comb(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A row of boxes, the digit in one of them, touching its line."""
    picture = grey(on_paper(digit, size=150, canvas=(800, 300), at=(310, 75)))
    draw = ImageDraw.Draw(picture)
    top, width = int(rng.integers(86, 97)), int(rng.integers(1, 4))
    for i in range(7):
        draw.line([100 + 100 * i - 22, top, 100 + 100 * i - 22, top + 120], fill=0, width=width)
    for y in (top, top + 120):
        draw.line([78, y, 678, y], fill=0, width=width)
    return picture


def squared_paper(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """Blue squares of any pitch, as dark as ink is."""
    pitch, level = rng.uniform(18, 90), rng.uniform(60, 200)
    lines = np.minimum(lines_at(600, pitch, 2, 0, level), lines_at(600, pitch, 2, 90, level))
    red = np.minimum(on_paper(digit, ink=30), lines)
    blue = np.minimum(on_paper(digit, ink=40), np.maximum(lines, 230))
    return Image.fromarray(np.dstack([red, red, blue]).astype(np.uint8))


def dark_lines(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    return grey(np.minimum(on_paper(digit, ink=30), lines_at(600, rng.uniform(40, 110), 3, 0, 30)))


def turned_lines(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    lines = lines_at(600, rng.uniform(45, 80), 2.5, rng.uniform(-4, 4), rng.uniform(30, 180))
    return grey(np.minimum(on_paper(digit, ink=30), lines))


def margin_line(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    red = on_paper(digit, ink=30)
    green = red.copy()
    x = int(rng.integers(60, 220))
    green[:, x : x + 3] = np.minimum(green[:, x : x + 3], 80)
    return Image.fromarray(np.dstack([red, green, green]).astype(np.uint8))


def wood(size: int, rng: np.random.Generator) -> Floats:
    """Return a table of wood, (size, size, 3)."""
    y, x = np.mgrid[0:size, 0:size].astype(float)
    waves = np.sin(x / 9 + 4 * np.sin(y / 140 + rng.uniform(0, 6))) + 0.5 * np.sin(x / 3.3 + y / 90)
    shade = 1 + 0.12 * waves + rng.normal(0, 0.03, (size, size))
    return np.asarray(shade[:, :, None] * np.array([140.0, 95.0, 60.0]))


def photo_on_wood(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A turned sheet of paper on a wooden table, JPEG."""
    sheet = Image.merge(
        "RGBA", [grey(on_paper(digit, ink=50, paper=p)) for p in (225, 222, 210)] + [Image.new("L", (600, 600), 255)]
    )
    sheet = sheet.rotate(rng.uniform(-10, 10), expand=True, resample=Image.Resampling.BICUBIC)
    table = Image.fromarray(wood(1000, rng).clip(0, 255).astype(np.uint8))
    table.paste(sheet, (int(rng.integers(60, 240)), int(rng.integers(60, 240))), sheet)
    return jpeg(table, 85)


def dark_on_light_table(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """Two tones: the paper covers a part of a lighter or darker ground."""
    values = np.full((800, 800), rng.choice([60.0, 120.0, 250.0])) + rng.normal(0, 3, (800, 800))
    values[0:650, 100:700] = on_paper(digit, ink=30, paper=190, canvas=(600, 650))
    return grey(values)


def two_tones(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    values = on_paper(digit, ink=30, paper=1) / 1.0
    ground = np.full((600, 600), 230.0)
    ground[:, int(rng.integers(200, 400)) :] = 150
    ink = np.zeros((600, 600))
    ink[150:450, 150:450] = enlarged(digit)
    del values
    return grey(ground * (1 - ink) + 30 * ink)


def vignette(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[-1:1:600j, -1:1:600j]
    return grey(on_paper(digit, ink=40, paper=230) * (1 - 0.45 * (x * x + y * y) / 2 * 1.6).clip(0.1))


def diagonal_shadow(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[0:600, 0:600]
    values = on_paper(digit, ink=40, paper=225)
    values[x + rng.uniform(0.4, 1.5) * y < rng.uniform(350, 800)] *= rng.uniform(0.45, 0.75)
    return grey(values + rng.normal(0, 3, (600, 600)))


def shadow_band(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """The shadow of an arm across the digit."""
    y, x = np.mgrid[0:600, 0:600]
    values = on_paper(digit, ink=40, paper=225)
    values[np.abs(x + 0.5 * y - rng.uniform(350, 550)) < rng.uniform(40, 110)] *= 0.65
    return grey(values + rng.normal(0, 3, (600, 600)))


def whiteboard(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """Blue on a greyish board with a lamp's glare."""
    y, x = np.mgrid[0:600, 0:600]
    cx, cy = rng.uniform(0, 600, 2)
    glare = 70 * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * 60**2))
    channels = [on_paper(digit, ink=ink, paper=190) + glare + rng.normal(0, 3, (600, 600)) for ink in (40, 60, 160)]
    return Image.fromarray(np.dstack(channels).clip(0, 255).astype(np.uint8))


def coloured_paper(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    paper, ink = rng.uniform(120, 250, 3), rng.uniform(0, 70, 3)
    share = on_paper(digit, paper=0, ink=1)[:, :, None]
    return Image.fromarray((paper * (1 - share) + ink * share).astype(np.uint8))


def screenshot(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A window: title bar, a line of text, a button."""
    picture = Image.fromarray(np.full((700, 900, 3), 250, np.uint8))
    picture.paste(grey(on_paper(digit, canvas=(400, 400), at=(50, 50))), (250, 150))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([0, 0, 899, 40], fill=(50, 60, 90))
    draw.text((15, 8), "Untitled - Paint", fill=(255, 255, 255), font_size=20)
    draw.text((15, 55), "File  Edit  View  Image  Help", fill=(20, 20, 20), font_size=18)
    draw.rounded_rectangle([740, 620, 880, 670], 12, fill=(30, 110, 220))
    draw.text((785, 632), "Save", fill=(255, 255, 255), font_size=22)
    return picture


def punched_holes(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = grey(on_paper(digit, canvas=(800, 800), at=(250, 200), paper=235, ink=30))
    draw = ImageDraw.Draw(picture)
    for y in (200, 600):
        draw.ellipse([40, y, 100, y + 60], fill=50)
    return picture


def fold(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    """A crease across the paper, one half darker, and a staple."""
    values = on_paper(digit, ink=40, paper=225)
    y = int(rng.integers(180, 420))
    values[y:] *= 0.9
    values[y : y + 4] *= 0.75
    picture = grey(values + rng.normal(0, 2, (600, 600)))
    ImageDraw.Draw(picture).line([30, 50, 75, 30], fill=90, width=4)
    return picture


def thumb(digit: Bytes, rng: np.random.Generator) -> Image.Image:
    picture = Image.fromarray(
        np.dstack([on_paper(digit, ink=40, paper=p, canvas=(700, 600)) for p in (230, 228, 220)]).astype(np.uint8)
    )
    x = int(rng.integers(480, 560))
    ImageDraw.Draw(picture).ellipse([x, 380, x + 300, 520], fill=(200, 140, 115), outline=(150, 90, 70), width=3)
    return picture


OTHERS: list[Kind] = [
    thick_border,
    inner_frame,
    rounded_frame,
    double_frame,
    drawn_circle,
    form_box,
    comb,
    squared_paper,
    dark_lines,
    turned_lines,
    margin_line,
    photo_on_wood,
    dark_on_light_table,
    two_tones,
    vignette,
    diagonal_shadow,
    shadow_band,
    whiteboard,
    coloured_paper,
    screenshot,
    punched_holes,
    fold,
    thumb,
]
