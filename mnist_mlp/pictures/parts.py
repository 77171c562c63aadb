"""Connected parts of what stands out, and the groups of them that are digits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree

from mnist_mlp.pictures.colours import Box

Mask = NDArray[np.bool_]
EIGHT = np.ones((3, 3), dtype=bool)  # neighbours of a pixel that belong to the same part

SPOT = 0.93  # a part that fills more of its convex hull is a spot, unless it is long
CARD = 0.9  # a part that fills, with its holes, more of its hull, and its hull more of a rectangle, is a card
LONG = 2.2  # times as long as wide: a stroke, as in a 1
LONG_CARD = 8.0  # the same, for a button or a bar with text
FRAGMENT = 0.45  # of the height of its neighbour: too small for a digit of its own


@dataclass
class Part:
    """A connected part, in the pixels of the working picture.

    label: its number in the picture of labels.
    box: left, top, right, bottom.
    area: its number of pixels.
    edges: how many of the picture's four edges it touches.
    contact: its number of pixels at the picture's edge.
    """

    label: int
    box: Box
    area: int
    edges: int
    contact: int

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def longer(self) -> int:
        return max(self.width, self.height)


@dataclass
class Shape:
    """How a part fills its surroundings.

    hull: area of the convex hull.
    filled: area with its holes.
    rectangle: area of the smallest rectangle around it.
    long: the longer side of that rectangle, as a multiple of the shorter.
    thickness: twice the largest distance to the outside.
    """

    hull: float
    filled: float
    rectangle: float
    long: float
    thickness: float


@dataclass
class Group:
    """Parts that are one digit.

    parts: at least one.
    outline: (n, 2), rows and columns of pixels on their outlines.
    """

    parts: list[Part]
    outline: NDArray[np.int64]

    @property
    def box(self) -> Box:
        boxes = np.array([part.box for part in self.parts])
        low, high = boxes.min(axis=0), boxes.max(axis=0)
        return int(low[0]), int(low[1]), int(high[2]), int(high[3])

    @property
    def width(self) -> int:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def longer(self) -> int:
        return max(self.width, self.height)

    @property
    def area(self) -> int:
        return sum(part.area for part in self.parts)

    @property
    def edges(self) -> int:
        return max(part.edges for part in self.parts)

    @property
    def contact(self) -> int:
        return sum(part.contact for part in self.parts)


def labelled(mask: Mask) -> tuple[NDArray[np.int32], list[Part]]:
    """Return the labels of (H, W) and its connected parts, the largest first."""
    labels, n = ndimage.label(mask, EIGHT)
    areas = np.bincount(labels.ravel(), minlength=n + 1)
    border = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    contacts = np.bincount(border, minlength=n + 1)
    height, width = mask.shape
    parts = []
    for i, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        box = columns.start, rows.start, columns.stop, rows.stop
        edges = (box[0] == 0) + (box[1] == 0) + (box[2] == width) + (box[3] == height)
        parts.append(Part(i, box, int(areas[i]), edges, int(contacts[i])))
    return labels, sorted(parts, key=lambda part: -part.longer)


def own_mask(labels: NDArray[np.int32], part: Part) -> Mask:
    """Return the part alone, cut out of the labels."""
    left, top, right, bottom = part.box
    return np.asarray(labels[top:bottom, left:right] == part.label)


def shape_of(mask: Mask) -> Shape:
    """Measure a part, alone in its mask."""
    filled = ndimage.binary_fill_holes(mask)
    outline = filled & ~ndimage.binary_erosion(filled)
    rows, columns = outline.nonzero()
    corners = np.concatenate([np.stack([rows + dy, columns + dx], axis=1) for dy in (0, 1) for dx in (0, 1)])
    thickness = 2 * float(ndimage.distance_transform_edt(np.pad(mask, 1)).max())
    try:
        hull = ConvexHull(corners)
    except QhullError:
        return Shape(float(mask.size), float(filled.sum()), float(mask.size), 1.0, thickness)
    points = corners[hull.vertices].astype(float)
    best = (np.inf, 1.0)
    for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        length = np.hypot(y1 - y0, x1 - x0)
        along, across = (y1 - y0) / length, (x1 - x0) / length
        u, v = points @ (along, across), points @ (across, -along)
        sides = np.ptp(u), np.ptp(v)
        best = min(best, (sides[0] * sides[1], max(sides) / max(min(sides), 1e-6)))
    return Shape(float(hull.volume), float(filled.sum()), float(best[0]), float(best[1]), thickness)


def is_spot(mask: Mask, shape: Shape) -> bool:
    """Say whether a part is a filled area: a punched hole, a button, a stain."""
    return bool(mask.sum() > SPOT * shape.hull) and shape.long < LONG


def is_card(shape: Shape) -> bool:
    """Say whether a part is a rectangle with something in it: paper on a desk, a window on a screen."""
    return shape.filled > CARD * shape.hull and shape.hull > CARD * shape.rectangle and shape.long < LONG_CARD


def grouped(parts: list[Part], labels: NDArray[np.int32]) -> list[Group]:
    """Join the parts of each digit: strokes that do not meet, and strokes in pieces."""
    groups = [Group([part], _outline(own_mask(labels, part), part.box)) for part in parts]
    joined = True
    while joined:
        joined = False
        groups.sort(key=lambda group: -group.longer)
        for i, large in enumerate(groups):
            for j in range(len(groups) - 1, i, -1):
                if _belongs(large, groups[j]):
                    other = groups.pop(j)
                    large.parts += other.parts
                    large.outline = np.concatenate([large.outline, other.outline])
                    joined = True
    return groups


def _outline(mask: Mask, box: Box) -> NDArray[np.int64]:
    """Return rows and columns of the pixels on a part's outline, every third."""
    points = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    return np.asarray(points[:: 3 if len(points) > 60 else 1] + np.array([box[1], box[0]]))


def _distance(one: Group, other: Group) -> float:
    return float(cKDTree(one.outline).query(other.outline)[0].min())


def _belongs(large: Group, small: Group) -> bool:
    """Say whether two groups are one digit."""
    a, b = large.box, small.box
    across = min(a[2], b[2]) - max(a[0], b[0])  # overlap, or the gap if negative
    down = min(a[3], b[3]) - max(a[1], b[1])
    gap = max(0, -across), max(0, -down)
    width, height = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    union = max(width, height)
    if bool(large.edges) != bool(small.edges) and max(large.contact, small.contact) > 0.25 * large.longer:
        return False
    if max(gap) > 0.3 * large.longer:
        return False
    if across > 0 and down > 0 and across * down >= 0.3 * small.width * small.height:
        return _distance(large, small) <= 0.15 * large.longer
    tall = small.height >= 0.6 * large.height and small.width >= 0.12 * large.height
    level = down >= 0.4 * min(large.height, small.height)
    if across <= 0.15 * small.width and tall and level and width > 0.6 * height:
        return max(gap) <= 0.045 * union and width <= 0.95 * height
    if max(gap) <= 0.07 * union and np.hypot(*gap) <= 0.08 * union:
        return width <= (1.5 if across > 0 else 1.25) * height or small.longer < 0.5 * large.longer
    if small.longer > FRAGMENT * 1.7 * large.longer or small.height > FRAGMENT * large.height:
        return False
    stacked = across >= 0.4 * small.width and gap[1] <= 0.3 * large.height
    beside = down >= 0.4 * small.height and gap[0] <= 0.12 * large.height
    return (stacked and small.width >= 0.25 * large.width) or (beside and small.longer >= 0.2 * large.longer)
