"""Regions of a shot: the boxes around its holes, and the frames around theirs, that filling them looks at."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Bounds = tuple[int, int, int, int]
"""Rows y0 to y1 and columns x0 to x1, ends not included, as (y0, x0, y1, x1)."""

MARGIN = 0.15
"""Of the frame's shorter side, around a hole that moves: it may grow by as much, over a shadow."""
STILL_MARGIN = 0.06
"""The same around one that stands still in the picture, as logos do: they have no shadow, and do not grow."""
MOTION_MARGIN, MOST_MARGIN = 4.0, 0.25
"""Frames' worth of the picture's motion around a hole, and the share of the shorter side that this may ask for at most:
what comes out of the hole within a frame or two must come out inside the box. Measured on five natural clips of 1080
rows, a logo of 0.5 %: a pan of 80 pixels a frame gains 6 dB by 0.15 in place of 0.06, and 3 by 0.25."""
LEAST_MARGIN = 48
"""Pixels: less does not tell flow and the camera's motion."""
STILL_FRAMES, STILL_SHARE = 8, 0.9
"""A hole stands still if its bounding box is the same in so many frames, and in such a share of those in which there is
a hole at that place."""
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
    is_still: bool = False
    """Whether it is a part of the frame, and all holes in it stand still in the picture, as logos do."""


def find_regions(
    boxes: Sequence[Collection[Bounds]], height: int, width: int, motions: Mapping[Bounds, float] | None = None
) -> list[Region]:
    """Return the regions of a shot, each of which is filled by itself.

    boxes   : for each frame of the shot the bounding boxes of the connected parts of its hole.
    height, width : of a frame, pixels.
    motions : for bounding boxes, pixels by which the picture around moves from frame to frame; 0 for others.
    Returns : regions that together hold every hole pixel, none of them twice; boxes at the same time share no pixel.
              None for a shot without hole.
    """
    found = []
    still = _still(boxes)
    for box in _join_and_grow(boxes, still, motions or {}, height, width):
        seen = [t for t, parts in enumerate(boxes) if any(overlap(box, part) for part in parts)]
        parts = {part for t in seen for part in boxes[t] if overlap(box, part)}
        is_still = parts <= still and box != (0, 0, height, width)
        found += [Region(first, stop, box, is_still) for first, stop in _spans(seen, len(boxes))]
    return sorted(found)


def _still(boxes: Sequence[Collection[Bounds]]) -> set[Bounds]:
    """Return the boxes of holes that stand still."""
    often = {box: count for box, count in Counter(p for parts in boxes for p in parts).items() if count >= STILL_FRAMES}
    return {
        box
        for box, count in often.items()
        if count >= STILL_SHARE * sum(any(overlap(box, part) for part in parts) for parts in boxes)
    }


def _join_and_grow(
    boxes: Sequence[Collection[Bounds]],
    still: Collection[Bounds],
    motions: Mapping[Bounds, float],
    height: int,
    width: int,
) -> list[Bounds]:
    """Return the boxes around holes, grown by their margins, of which none overlap; or one of the whole frame."""
    shorter = min(height, width)
    grown: list[Bounds] = []
    for box in {part for parts in boxes for part in parts}:
        y0, x0, y1, x1 = box
        moved = min(MOTION_MARGIN * motions.get(box, 0.0), MOST_MARGIN * shorter)
        own = HOLE_MARGIN * min(y1 - y0, x1 - x0)
        margin = round(max(LEAST_MARGIN, (STILL_MARGIN if box in still else MARGIN) * shorter, own, moved))
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
