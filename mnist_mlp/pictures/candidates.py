"""Groups of parts that can be digits, and the choice among them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from mnist_mlp.pictures.colours import Box, Floats
from mnist_mlp.pictures.parts import EIGHT, Group, Mask

OUTLINE = 0.85  # of a digit's outline, at least, is seen
OF_THE_LARGEST = 0.33  # the height of the smallest digit, compared with the tallest
BESIDE = 0.7  # of the pixels next to an erased line, or more: the rest of the line


@dataclass
class Dropped:
    """Something that is not a digit: its box in the working picture, and what it is."""

    box: Box
    reason: str


@dataclass
class Candidate:
    """A group that can be a digit, with the mask that it was found in."""

    group: Group
    mask: Mask
    others: Mask
    light: bool
    paper: bool = False  # most of the picture's edge has its colour


def has_an_outline(candidate: Candidate, picture: Floats) -> bool:
    """Say whether the picture changes all along a group's outline; a gap between strokes is open at one side."""
    height, width = candidate.mask.shape
    left, top, right, bottom = candidate.group.box
    part = slice(max(0, top - 6), min(height, bottom + 6)), slice(max(0, left - 6), min(width, right + 6))
    own, colours = candidate.mask[part], picture[part]
    near = ndimage.binary_dilation(own, EIGHT, iterations=2)
    ring = ndimage.binary_dilation(near, EIGHT, iterations=2) & ~near
    if not ring.any():
        return True
    ink = np.median(colours[own], axis=0)
    differences = np.abs(colours[ring] - ink).max(axis=1)
    edge = np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])
    candidate.paper = bool((np.abs(edge - ink).max(axis=1) < 0.5 * np.median(differences)).mean() > 0.5)
    return bool((differences > 0.4 * np.median(differences)).mean() > OUTLINE and np.median(differences) > 0.03)


def not_beside_lines(candidates: list[Candidate], dropped: list[Dropped], gone: Mask) -> list[Candidate]:
    """Leave out what is left of lines and frames that were erased."""
    if not gone.any():
        return candidates
    near = ndimage.binary_dilation(gone, EIGHT, iterations=4)
    keep = []
    for candidate in candidates:
        if near[candidate.mask].mean() < BESIDE:
            keep.append(candidate)
        else:
            dropped.append(Dropped(candidate.group.box, "the rest of a line"))
    return keep


def outlined(candidates: list[Candidate], dropped: list[Dropped], picture: Floats) -> list[Candidate]:
    """Leave out what has no clear outline: shadows, texture, gaps between strokes."""
    keep = []
    for candidate in candidates:
        if has_an_outline(candidate, picture):
            keep.append(candidate)
        else:
            dropped.append(Dropped(candidate.group.box, "something without a clear outline"))
    return keep


def of_the_right_brightness(candidates: list[Candidate], dropped: list[Dropped]) -> list[Candidate]:
    """Leave out the gaps between the strokes of another candidate: dark gaps between light strokes, or the reverse."""
    gaps = []
    for one in candidates:
        for j, other in enumerate(candidates):
            if (
                one.light != other.light
                and _contains(one.group.box, other.group.box)
                and (not one.group.edges or other.group.edges or not one.paper)
            ):
                gaps.append(j)
    dropped += [Dropped(candidates[j].group.box, "a gap between strokes") for j in dict.fromkeys(gaps)]
    return [candidate for j, candidate in enumerate(candidates) if j not in gaps]


def _contains(outer: Box, inner: Box) -> bool:
    """Say whether nearly all of one box lies in another one, which is larger."""
    width = min(outer[2], inner[2]) - max(outer[0], inner[0])
    height = min(outer[3], inner[3]) - max(outer[1], inner[1])
    inner_area = (inner[2] - inner[0]) * (inner[3] - inner[1])
    outer_area = (outer[2] - outer[0]) * (outer[3] - outer[1])
    return width > 0 and height > 0 and width * height > 0.6 * inner_area and outer_area > inner_area


def within(candidates: list[Candidate], dropped: list[Dropped]) -> list[Candidate]:
    """Leave out what touches the edge, unless there is nothing else."""
    inside = [c for c in candidates if not c.group.edges]
    if inside:
        tallest = max(c.group.longer for c in inside)
        touching = [c for c in candidates if c.group.edges]
        if not touching or tallest > 0.2 * max(c.group.longer for c in touching):
            dropped += [Dropped(c.group.box, "something at the edge") for c in touching]
            return inside
    dropped += [Dropped(c.group.box, "paper that reaches the edge") for c in candidates if c.group.edges and c.paper]
    return [c for c in candidates if not c.group.edges or not c.paper]


def large_enough(candidates: list[Candidate], dropped: list[Dropped]) -> list[Candidate]:
    """Leave out what is much smaller than the largest."""
    if not candidates:
        return []
    tallest = max(c.group.longer for c in candidates)
    keep = []
    for c in candidates:
        if c.group.longer >= OF_THE_LARGEST * tallest:
            keep.append(c)
        else:
            dropped.append(Dropped(c.group.box, "something much smaller"))
    return keep
