"""Regions of a shot: the boxes around its holes, and the frames around theirs, that filling them looks at."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Bounds = tuple[int, int, int, int]
"""Rows y0 to y1 and columns x0 to x1, ends not included, as (y0, x0, y1, x1)."""

MARGIN = 0.15
"""Of the frame's shorter side, around a hole: holes may grow by 0.1 of it, and flow and colours come from beyond."""
LEAST_MARGIN = 48
"""Pixels: less does not tell flow and the camera's motion."""
HOLE_MARGIN = 1.0
"""Of the shorter side of the largest box of one hole: what a large hole hides is seen farther away."""
WHOLE = 0.6
"""Share of the frame in boxes from which on the whole frame is one region: little would be saved."""
MOST_REGIONS = 6
"""More boxes than these are joined to one: each region costs a pass through all stages."""
REACH = 32
"""Frames before and after a hole that filling it may look at: registration looks 25 frames far."""


@dataclass(frozen=True, order=True)
class Region:
    """Frames first <= t < stop, inside a box."""

    first: int
    stop: int
    box: Bounds


def find_regions(boxes: Sequence[Collection[Bounds]], height: int, width: int) -> list[Region]:
    """Return the regions of a shot, each of which is filled by itself.

    boxes   : for each frame of the shot the bounding boxes of the connected parts of its hole.
    height, width : of a frame, pixels.
    Returns : regions that together hold every hole pixel, none of them twice; boxes at the same time share no pixel.
              None for a shot without hole.
    """
    found = []
    for box in _join_and_grow(boxes, height, width):
        seen = [t for t, parts in enumerate(boxes) if any(overlap(box, part) for part in parts)]
        found += [Region(first, stop, box) for first, stop in _spans(seen, len(boxes))]
    return sorted(found)


def _join_and_grow(boxes: Sequence[Collection[Bounds]], height: int, width: int) -> list[Bounds]:
    """Return the boxes around holes, grown by their margins, of which none overlap; or one of the whole frame."""
    least = max(LEAST_MARGIN, round(MARGIN * min(height, width)))
    grown: list[Bounds] = []
    for box in {part for parts in boxes for part in parts}:
        margin = max(least, round(HOLE_MARGIN * min(box[2] - box[0], box[3] - box[1])))
        y0, x0, y1, x1 = box
        outer = (max(y0 - margin, 0), max(x0 - margin, 0), min(y1 + margin, height), min(x1 + margin, width))
        grown = _joined(grown, outer)
    if len(grown) > MOST_REGIONS:
        grown = [_around(grown)]
    if sum((y1 - y0) * (x1 - x0) for y0, x0, y1, x1 in grown) >= WHOLE * height * width:
        return [(0, 0, height, width)]
    return grown


def _joined(apart: Iterable[Bounds], box: Bounds) -> list[Bounds]:
    """Return boxes of which none overlap, and one more, which takes in those that it overlaps."""
    apart = list(apart)
    while touching := [other for other in apart if overlap(box, other)]:
        apart = [other for other in apart if other not in touching]
        box = _around([box, *touching])
    return [*apart, box]


def _around(boxes: Sequence[Bounds]) -> Bounds:
    y0, x0, y1, x1 = zip(*boxes, strict=True)
    return min(y0), min(x0), max(y1), max(x1)


def overlap(a: Bounds, b: Bounds) -> bool:
    """Return whether two boxes share a pixel."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _spans(seen: Sequence[int], count: int) -> list[tuple[int, int]]:
    """Return the spans of frames within REACH of one with a hole, those joined that touch."""
    spans: list[tuple[int, int]] = []
    for t in seen:
        first, stop = max(t - REACH, 0), min(t + REACH + 1, count)
        spans = [*spans[:-1], (spans[-1][0], stop)] if spans and first <= spans[-1][1] else [*spans, (first, stop)]
    return spans
