"""Remove straight lines: ruled and squared paper, margins, boxes of forms. Strokes that cross them stay whole."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

SLOPES = np.tan(np.deg2rad(np.arange(-12, 12.1, 0.25)))
LONG = 0.5  # of the picture's side: a longer straight line is none of a digit's strokes
TO_THE_EDGE = 0.25  # the same, for a line that ends at the picture's edge
SIDE = 0.08  # of the longer side: a straight line that can be the side of a box
THIN = 0.02  # of the longer side, or a straight line is a stroke
FAMILIES = 4  # of parallel lines, in each direction


class Line(NamedTuple):
    """A straight line, nearly horizontal in the mask as it is given.

    start, end: the first and the last column, exclusive.
    row: at its middle.
    slope, level: rows per column, and the row at the middle of the mask.
    thickness: in pixels.
    where: rows and columns of its pixels.
    """

    start: int
    end: int
    row: float
    slope: float
    level: float
    thickness: float
    where: tuple[NDArray[np.intp], NDArray[np.intp]]


def straight_lines(mask: Mask) -> Mask:
    """Return the pixels of (H, W) that belong to straight lines, without those where a stroke crosses a line."""
    across, down = _lines(mask), _lines(mask.T)
    height, width = mask.shape
    longer = max(mask.shape)
    chosen = [_chosen(across, width, longer), _chosen(down, height, longer)]
    _add_boxes(across, down, chosen, longer)
    _add_between(across, down, chosen, longer)
    removed = np.zeros_like(mask)
    for lines, picked, turned in ((across, chosen[0], mask), (down, chosen[1], mask.T)):
        if not picked:
            continue
        runs = _run_lengths(turned)
        target = removed if turned is mask else removed.T
        for i in picked:
            line = lines[i]
            rows, columns = line.where
            thin = runs[rows, columns] <= 1.7 * line.thickness + 1
            target[rows[thin], columns[thin]] = True
    return removed


def _chosen(lines: list[Line], side: int, longer: int) -> set[int]:
    """Return the numbers of the lines that are long, or reach the edge. Strokes may divide a line into pieces."""
    chosen = set()
    near = max(2.0, 0.005 * longer)
    for line in lines:
        pieces = [
            i for i, other in enumerate(lines) if other.slope == line.slope and abs(other.level - line.level) <= near
        ]
        start, end = min(lines[i].start for i in pieces), max(lines[i].end for i in pieces)
        covered = sum(lines[i].end - lines[i].start for i in pieces)
        long = LONG if not (start <= 2 or end >= side - 2) else TO_THE_EDGE
        if end - start >= long * side and covered >= 0.6 * (end - start):
            chosen.update(pieces)
    return chosen


def _add_boxes(across: list[Line], down: list[Line], chosen: list[set[int]], longer: int) -> None:
    """Choose the lines that are sides of a rectangle: at least three, whose ends meet."""
    near = max(4.0, 0.015 * longer)
    for i, top in enumerate(across):
        sides = [
            j
            for j, side in enumerate(down)
            if min(abs(side.row - top.start), abs(side.row - top.end)) <= near + top.thickness
            and side.start - near <= top.row <= side.end + near
        ]
        corners = [j for j in sides if min(abs(down[j].start - top.row), abs(down[j].end - top.row)) <= near]
        left = [j for j in corners if abs(down[j].row - top.start) <= near]
        right = [j for j in corners if abs(down[j].row - top.end) <= near]
        for j in left:
            for k in right:
                if abs(down[j].start - down[k].start) <= 2 * near and abs(down[j].end - down[k].end) <= 2 * near:
                    chosen[0].add(i)
                    chosen[1].update((j, k))


def _add_between(across: list[Line], down: list[Line], chosen: list[set[int]], longer: int) -> None:
    """Choose the lines that run from one chosen line to another, as in a comb."""
    near = max(4.0, 0.01 * longer)
    for lines, others, own, theirs in ((across, down, 0, 1), (down, across, 1, 0)):
        for i, line in enumerate(lines):
            meets = [
                any(
                    abs(others[j].row - end) <= near + others[j].thickness
                    and others[j].start - near <= line.row <= others[j].end + near
                    for j in chosen[theirs]
                )
                for end in (line.start, line.end)
            ]
            if all(meets):
                chosen[own].add(i)


def _lines(mask: Mask) -> list[Line]:
    """Return the straight thin lines that are nearly horizontal."""
    height, width = mask.shape
    longer = max(mask.shape)
    shortest = max(20, int(SIDE * longer))
    left = mask.copy()
    runs = _run_lengths(mask)
    left &= runs <= max(4, THIN * longer)  # strokes are thicker
    found: list[Line] = []
    for _ in range(FAMILIES):
        rows, columns = left.nonzero()
        if len(rows) < shortest:
            break
        slope = _best_slope(rows, columns, height, width)
        new = _runs_along(left, slope, shortest)
        if not new:
            break
        for line_rows, line_columns in new:
            thickness = float(np.median(runs[line_rows, line_columns]))
            start, end = int(line_columns.min()), int(line_columns.max()) + 1
            row = float(np.median(line_rows))
            level = float(np.median(line_rows - slope * (line_columns - width / 2)))
            found.append(Line(start, end, row, slope, level, thickness, (line_rows, line_columns)))
            left[line_rows, line_columns] = False
    return found


def _best_slope(rows: NDArray[np.intp], columns: NDArray[np.intp], height: int, width: int) -> float:
    """Return the slope along which the pixels fall into the fewest rows."""
    sharpness = []
    for slope in SLOPES:
        at = np.rint(rows - slope * (columns - width / 2)).astype(np.int64)
        sharpness.append((np.bincount(at - at.min()).astype(float) ** 2).sum())
    return float(SLOPES[int(np.argmax(sharpness))])


def _runs_along(mask: Mask, slope: float, shortest: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return rows and columns of the pixels on each straight run of at least this length."""
    height, width = mask.shape
    shift = np.rint(slope * (np.arange(width) - width / 2)).astype(int)
    pad = int(np.abs(shift).max()) + 1
    padded = np.pad(mask, ((pad, pad), (0, 0)))
    rows = np.arange(height + 2 * pad)[:, None] + shift[None, :]
    inside = (rows >= 0) & (rows < height + 2 * pad)
    columns = np.broadcast_to(np.arange(width), rows.shape)
    level = np.zeros_like(padded)
    level[inside] = padded[rows[inside], columns[inside]]
    thick = ndimage.maximum_filter1d(level.view(np.uint8), 3, axis=0)
    closed = ndimage.minimum_filter1d(ndimage.maximum_filter1d(thick, 7, axis=1), 7, axis=1, mode="nearest")
    runs = ndimage.maximum_filter1d(
        ndimage.minimum_filter1d(closed, shortest, axis=1, mode="constant", cval=0),
        shortest,
        axis=1,
        mode="constant",
        cval=0,
        origin=-1 if shortest % 2 == 0 else 0,
    )
    labels, _ = ndimage.label(runs, np.ones((3, 3)))
    found = []
    for i, part in enumerate(ndimage.find_objects(labels), start=1):
        at = ((labels[part] == i) & level[part]).nonzero()
        if not len(at[0]) or part[1].stop - part[1].start < shortest:
            continue
        own_rows = rows[part][at] - pad
        found.append((own_rows, columns[part][at]))
    return found


def _run_lengths(mask: Mask) -> NDArray[np.int32]:
    """Return for each true pixel the length of its run in the column."""
    height, width = mask.shape
    padded = np.zeros((height + 2, width), dtype=np.int32)
    padded[1:-1] = mask
    row = np.arange(height + 2, dtype=np.int32)[:, None]
    before = np.maximum.accumulate(np.where(padded == 0, row, 0), axis=0)
    after = np.minimum.accumulate(np.where(padded == 0, row, height + 1)[::-1], axis=0)[::-1]
    return ((after - before - 1) * padded)[1:-1]
