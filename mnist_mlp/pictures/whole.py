"""A picture that is one digit from edge to edge: a small one, or one that is cut at the digit's own edges."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnist_mlp.pictures.colours import Floats, bounding_box
from mnist_mlp.pictures.contrast import LEAST_CONTRAST
from mnist_mlp.pictures.lines import straight_lines
from mnist_mlp.pictures.parts import EIGHT, Mask, is_card, is_spot, shape_of

SHADOW = 0.25  # the largest difference in brightness along the picture's edge, as a fraction of white
NOISE = 4.0  # ink differs from the paper by more than this times the median difference along the edge
NEAR = 0.06  # of the picture's side: a digit that ends this close to an edge is cut there
STROKES = 10  # a digit meets the four edges in at most this many places; lined paper and texture in more
BLUR = 2.5  # a shadow's area above a quarter of the strongest ink is more than this multiple of that above 0.4


def ink_of(picture: Floats) -> Floats | None:
    """Return how far each colour is from the paper's: (H, W, C) -> (H, W), 0 for paper to 1 for the strongest ink.

    Paper is what most of the picture's edge shows. None: nothing stands out.
    """
    edge = np.ones(picture.shape[:2], dtype=bool)
    edge[1:-1, 1:-1] = False
    seen = picture[edge]
    middle = np.median(seen, axis=0)
    is_paper = np.abs(seen - middle).max(axis=1) < SHADOW / 2
    difference = np.abs(picture - _paper(picture, edge, is_paper, middle)).max(axis=2)
    noise = np.median(difference[edge][is_paper]) if is_paper.any() else 0.0  # two halves of different brightness
    ink: Floats = np.maximum(difference - NOISE * noise, 0)
    if ink.max() < LEAST_CONTRAST:
        return None
    ink /= ink.max()
    return ink


def _paper(picture: Floats, edge: Mask, is_paper: Mask, middle: NDArray[np.float32]) -> Floats:
    """Return the colour of the paper at each pixel, (H, W, C).

    The light may be stronger on one side, or in the middle. So the colour is a polynomial of second degree in x and y,
    fitted by least squares to the pixels of the edge that are about as bright as most of it. If ink covers much of the
    edge, the polynomial would guess, and the paper has one colour.
    """
    height, width, _ = picture.shape
    if is_paper.mean() < 0.75:
        return np.broadcast_to(middle, picture.shape)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x / width - 0.5, y / height - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=2)
    factors = np.linalg.lstsq(terms[edge][is_paper], picture[edge][is_paper] - middle, rcond=None)[0]
    paper: Floats = middle + terms @ factors
    return paper


def is_cut_at_the_digit(ink: Floats) -> bool:
    """Say whether one connected thing with strokes reaches all four edges, and hardly anything else is in the picture.

    Args:
        ink: (H, W), as `ink_of` returns it.
    """
    mask = ink > 0.25
    labels, n = ndimage.label(mask, EIGHT)
    if not n or mask.sum() > BLUR * (ink > 0.4).sum():
        return False
    areas = np.bincount(labels.ravel())[1:]
    own = labels == areas.argmax() + 1
    left, top, right, bottom = bounding_box(own)
    height, width = mask.shape
    slack_x, slack_y = max(1, NEAR * width), max(1, NEAR * height)
    if left > slack_x or right < width - slack_x or top > slack_y or bottom < height - slack_y:
        return False
    around = np.concatenate([own[0], own[:, -1], own[-1, ::-1], own[::-1, 0]])
    if areas.max() < 0.8 * mask.sum() or (around[1:] > around[:-1]).sum() > STROKES or around.mean() > 0.5:
        return False
    shape = shape_of(own)
    slender = max(width, height) > 2 * min(width, height)  # a 1 fills its box
    if not slender and (is_spot(own, shape) or is_card(shape)):
        return False
    return bool(straight_lines(own).sum() < 0.3 * own.sum())
