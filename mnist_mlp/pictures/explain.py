"""Draw what was found in a picture, what was dropped and why, and what the net got."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from mnist_mlp.pictures.form import View, why_not

SIDE = 400  # least length of the picture's longer side in the drawing
TILE = 140  # side of each digit in MNIST's form
GREEN, RED, PAPER, TEXT = (0, 140, 60), (200, 30, 30), (245, 245, 245), (20, 20, 20)


def explanation(seen: View, answers: Sequence[str]) -> Image.Image:
    """Draw the picture with green boxes around digits and red ones around what was dropped.

    Args:
        seen: the picture.
        answers: what the net says of each digit, in the order of seen.forms.
    """
    height, width = seen.working.shape[:2]
    zoom = max(1, -(-SIDE // max(height, width)))
    grey = np.broadcast_to(seen.working, (height, width, 3)) if seen.working.shape[2] == 1 else seen.working
    picture = Image.fromarray((255 * grey.clip(0, 1)).astype(np.uint8)).resize((width * zoom, height * zoom), 0)
    lines = [f"dropped: {item.reason}" for item in seen.found.dropped if item.box[2] == 0]
    lines += [] if seen.forms else [why_not(seen)]
    columns = max(1, picture.width // (TILE + 10))
    rows = -(-len(seen.forms) // columns)
    size = max(picture.width, TILE + 20), picture.height + rows * (TILE + 30) + 16 * len(lines) + 10
    drawing = Image.new("RGB", size, PAPER)
    drawing.paste(picture)
    draw = ImageDraw.Draw(drawing)
    for item in seen.found.dropped:
        if item.box[2]:
            _frame(draw, item.box, zoom, RED, item.reason)
    for number, digit in enumerate(seen.found.digits, start=1):
        _frame(draw, digit.box, zoom, GREEN, str(number))
    for i, (form, answer) in enumerate(zip(seen.forms, answers, strict=True)):
        x, y = 5 + i % columns * (TILE + 10), picture.height + 5 + i // columns * (TILE + 30)
        drawing.paste(Image.fromarray(form.image).resize((TILE, TILE), 0), (x, y))
        draw.text((x, y + TILE + 4), f"{i + 1}: {answer}", fill=TEXT)
    for i, line in enumerate(lines):
        draw.text((5, size[1] - 16 * (len(lines) - i) - 4), line, fill=TEXT)
    return drawing


def _frame(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], zoom: int, colour: tuple[int, int, int], text: str
) -> None:
    left, top, right, bottom = (zoom * side for side in box)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=2)
    draw.text((left + 3, max(0, top - 12)), text, fill=colour)
