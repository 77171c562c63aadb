"""Find the digits in a picture: what stands out from the paper, without what lies around."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mnist_mlp.pictures.candidates import (
    Candidate,
    Dropped,
    has_an_outline,
    large_enough,
    not_beside_lines,
    of_the_right_brightness,
    outlined,
    within,
)
from mnist_mlp.pictures.colours import Box, Floats, bounding_box
from mnist_mlp.pictures.contrast import contrasts
from mnist_mlp.pictures.lines import straight_lines
from mnist_mlp.pictures.parts import EIGHT, Group, Mask, Part, grouped, is_card, is_spot, labelled, own_mask, shape_of

LEVELS = (0.5, 0.3, 0.17, 0.1)  # of the strongest contrast; fainter ink is looked for if there is no digit in stronger
LEAST_SIZE = 0.012  # of the picture's longer side: smaller parts are specks
LEAST_PIXELS = 7  # a digit is at least this long in the working picture
ROUNDS = 4  # of looking for lines and frames and erasing them
AROUND = "something around it at the edge"
LINES, FRAME, FRAME_AT_THE_EDGE = "straight lines", "a frame", "a frame at the edge"
ERASED = (LINES, FRAME, FRAME_AT_THE_EDGE)
MOST_DIGITS = 20  # more are texture, such as noise and wood
MOST_PARTS = 120  # of one brightness, which digits and what lies around them do not have
MOST_OTHERS = 20  # things that are dropped, apart from those that each digit has within it: more are texture


@dataclass
class Digit:
    """A digit in the working picture.

    box: left, top, right, bottom, of its pixels.
    mask: (H, W), the pixels that can belong to it.
    """

    box: Box
    mask: Mask


@dataclass
class Found:
    """The digits from left to right, and what else there is."""

    digits: list[Digit] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    nothing: bool = False  # not a pixel stands out


def find(picture: Floats) -> Found:
    """Find the digits in (H, W, C), 0 to 1."""
    darker, lighter, least = contrasts(picture)
    original, at_first = picture, (darker, lighter)
    strongest = float(max(darker.max(), lighter.max()))
    found = Found(nothing=strongest < least)
    gone = np.zeros(picture.shape[:2], dtype=bool)
    lines: list[Dropped] = []
    for level in LEVELS:
        if level * strongest < min(least, 0.5 * strongest):
            break
        threshold = max(level * strongest, least)
        for _ in range(ROUNDS):
            dropped: list[Dropped] = []
            erased = np.zeros_like(gone)
            candidates = [
                candidate
                for light, contrast in enumerate((darker, lighter))
                for candidate in _candidates(contrast, threshold, least, bool(light), dropped, erased)
            ]
            if not erased.any():
                break
            gone |= erased
            lines += [item for item in dropped if item.reason in ERASED]
            picture = _filled(picture, erased)
            darker, lighter, _ = contrasts(picture)
        dropped = lines + [item for item in dropped if item not in lines]
        candidates = not_beside_lines(candidates, dropped, gone)
        candidates = outlined(candidates, dropped, picture)
        candidates = of_the_right_brightness(candidates, dropped)
        candidates = within(candidates, dropped)
        candidates = large_enough(candidates, dropped)
        found.dropped = dropped
        others = sum(item.reason not in ERASED for item in dropped)
        if len(candidates) > MOST_DIGITS or others > MOST_OTHERS + len(candidates):
            dropped.append(Dropped((0, 0, 0, 0), f"texture of {others + len(candidates)} parts"))
            return found
        if candidates:
            contrast = [darker, lighter]
            found.digits = [_digit(c, contrast[c.light], 0.5 * threshold, least, gone) for c in candidates]
            found.digits.sort(key=lambda digit: digit.box[0])
            break
        if threshold == least:
            break
    if not found.digits and not found.nothing:
        alone = _alone(original, at_first, max(LEVELS[0] * strongest, least), least)
        found.digits = [alone] if alone else []
    return found


def _alone(picture: Floats, both: tuple[Floats, Floats], threshold: float, least: float) -> Digit | None:
    """Return the only thing in the picture if it can be a digit although it is a straight line or contains one."""
    for light, contrast in enumerate(both):  # darker than the paper, lighter than it
        labels, parts = labelled(contrast > threshold)
        large = [part for part in parts if part.longer >= max(LEAST_PIXELS, LEAST_SIZE * max(labels.shape))]
        if len(large) != 1 or large[0].edges > 1:
            continue
        mask = own_mask(labels, large[0])
        shape = shape_of(mask)
        if is_spot(mask, shape) or is_card(shape):
            continue
        group = Group(large, np.zeros((0, 2), dtype=np.int64))
        own = labels == large[0].label
        candidate = Candidate(group, own, (labels > 0) & ~own, bool(light))
        if has_an_outline(candidate, picture):
            return _digit(candidate, contrast, 0.5 * threshold, least, np.zeros_like(own))
    return None


def _filled(picture: Floats, erased: Mask) -> Floats:
    """Replace the erased pixels, and those next to them, by the nearest other ones."""
    wide = ndimage.binary_dilation(erased, EIGHT, iterations=2)
    if wide.all():
        return picture
    nearest = ndimage.distance_transform_edt(wide, return_distances=False, return_indices=True)
    filled: Floats = picture[tuple(nearest)]
    return filled


def _candidates(
    contrast: Floats, threshold: float, least: float, light: bool, dropped: list[Dropped], erased: Mask
) -> list[Candidate]:
    """Return the groups of parts above the threshold that can be digits."""
    mask = contrast > threshold
    if not mask.any():
        return []
    lines = straight_lines(contrast > max(0.5 * threshold, least))
    mask &= ~lines
    if lines.any():
        erased |= lines
        rows, columns = lines.nonzero()
        dropped.append(
            Dropped((int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1), LINES)
        )
    labels, parts = labelled(mask)
    smallest = max(LEAST_PIXELS, LEAST_SIZE * max(mask.shape))
    large = [part for part in parts if part.longer >= smallest]
    if len(large) > MOST_PARTS:
        dropped.append(Dropped((0, 0, 0, 0), f"texture of {len(large)} parts"))
        return []
    keep: list[Part] = []
    for part in large:
        reason = _reason(part, labels, large, smallest)
        if reason:
            dropped.append(Dropped(part.box, reason))
            if reason in ERASED:
                left, top, right, bottom = part.box
                erased[top:bottom, left:right] |= own_mask(labels, part)
        else:
            keep.append(part)
    small = [part for part in parts if part.longer < smallest]
    stroke = _stroke(labels, keep)
    fragments = [part for part in small if part.longer >= max(2.0, 0.5 * stroke)][:100]
    groups = grouped([*keep, *fragments], labels)
    groups = [group for group in groups if group.longer >= smallest]
    specks = len(parts) - len(large) - sum(part.longer < smallest for group in groups for part in group.parts)
    if specks > 0:
        dropped.append(Dropped((0, 0, 0, 0), f"{specks} specks" if specks > 1 else "a speck"))
    everything = labels > 0
    result = []
    for group in groups:
        own = np.isin(labels, [part.label for part in group.parts])
        result.append(Candidate(group, own, (everything & ~own) | lines, light))
    return result


def _stroke(labels: NDArray[np.int32], parts: list[Part]) -> float:
    """Return how thick the strokes of the largest part are."""
    if not parts:
        return 0.0
    mask = own_mask(labels, parts[0])
    distances = ndimage.distance_transform_edt(np.pad(mask, 1))
    return 2 * float(np.percentile(distances[distances > 0], 80))


def _reason(part: Part, labels: NDArray[np.int32], large: list[Part], least: float) -> str | None:
    """Say why a part is not a digit's; None if it can be."""
    height, width = labels.shape
    mask = own_mask(labels, part)
    shape = shape_of(mask)
    if part.edges and is_spot(mask, shape):
        return "a filled area at the edge"
    if part.edges >= 3 and part.width > 0.9 * width and part.height > 0.9 * height:
        hole = ndimage.binary_fill_holes(mask) & ~mask
        if hole.any():
            left, top, right, bottom = bounding_box(hole)
            if hole.sum() > 0.85 * (right - left) * (bottom - top) > 0.3 * width * height:
                return FRAME_AT_THE_EDGE
    if is_spot(mask, shape) and part.longer > least:
        return "a filled area"
    if part.area < 0.6 * shape.filled:
        filled = ndimage.binary_fill_holes(mask)
        left, top, _, _ = part.box
        for other in large:
            if other is part or other.longer < 0.2 * part.longer:
                continue
            x, y = other.box[0] - left, other.box[1] - top
            inside = filled[max(y, 0) : y + other.height, max(x, 0) : x + other.width]
            if x >= 0 and y >= 0 and inside.size and inside.shape == (other.height, other.width):
                own = own_mask(labels, other)
                if inside[own].all():
                    return AROUND if part.edges else FRAME
    if is_card(shape) and 0.7 * shape.filled < part.area < 0.99 * shape.filled:
        return "an area with something on it"
    if shape.long > 12 and part.edges:
        return "a straight line"
    return None


def _digit(candidate: Candidate, contrast: Floats, lower: float, least: float, gone: Mask) -> Digit:
    """Add the fainter pixels of the strokes, and the blurred edge around them."""
    group, own = candidate.group, candidate.mask
    mask = own
    lower = max(lower, least)
    weaker = (contrast > lower) & ~candidate.others
    labels, _ = ndimage.label(weaker, EIGHT)
    touched = np.unique(labels[own])
    grown = np.isin(labels, touched[touched > 0])
    rows, columns = grown.nonzero()
    left, top, right, bottom = group.box
    slack = 0.08 * group.longer + 2
    if (
        len(rows)
        and grown.sum() < 1.8 * own.sum()
        and columns.min() > left - slack
        and rows.min() > top - slack
        and columns.max() < right + slack
        and rows.max() < bottom + slack
    ):
        mask = grown | own
    around = 2 + round(0.09 * group.longer)
    blurred = ndimage.distance_transform_edt(~mask) <= around
    others = candidate.others
    if others.any():
        blurred &= ~ndimage.binary_dilation(others, EIGHT) | mask
    blurred &= ~ndimage.binary_dilation(gone, EIGHT, iterations=2) | (mask & ~gone)
    return Digit(group.box, blurred)


def summary(found: Found) -> str:
    """Return what was dropped, in words."""
    counts = Counter(item.reason for item in found.dropped)
    return ", ".join(reason if n == 1 or reason == LINES else f"{n} x {reason}" for reason, n in counts.items())
