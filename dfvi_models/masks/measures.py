"""What is measured of a mask frame by frame, and what the picture shows along its outline."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.masks.editing import pinholes, specks
from dfvi_models.numerics.holes import Box

REACH = 2
SHIFTS = tuple(range(-REACH, REACH + 1))
"""Frames by which the picture is shifted against the mask."""
WORKING_SIDE = 270  # pixels of the shorter side on which outlines are compared with the picture
OFFSETS = np.arange(-14, 5, 2)
"""Working pixels from the outline, below 0 inside it, at which edges are looked for: people mark too much."""
HALF_RING = 1.0  # working pixels on either side of an offset
LEAST_MOVE = 1.5  # working pixels by which an outline must have moved to tell anything
LEAST_RING = 12  # working pixels of a ring
STRONGEST_EDGE = 60.0  # grey levels a pixel; what is more counts no more
SMALL_PART = 100**2  # of the shorter side squared: the gap or speck that nobody draws on purpose

Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class FrameMeasure:
    """What is measured of one frame's mask."""

    marked: int
    """Pixels."""
    share: float
    """Of the frame that is marked."""
    on_border: float
    """Share of the frame's border that is marked."""
    gaps: int
    """Pixels of small gaps inside the mask."""
    specks: int
    """Pixels of small parts away from the others."""
    overlap: float
    """With the mask of the frame before: intersection over union; 1 where both are empty."""
    overlap_beyond: float
    """The same with the frame before that one."""
    picture_change: float
    """Mean difference of the picture from the frame before, shrunk to a few pixels, grey levels."""
    edges: NDArray[np.float32] | None
    """(shifts, offsets): how strong the picture's edges are along the outline, nan where it is too short; None where it
    did not move."""


def largest_small_part(height: int, width: int) -> int:
    """Return the pixels of a gap or speck that nobody draws on purpose, for a frame of a size."""
    return max(4, round(min(height, width) ** 2 / SMALL_PART))


def measure_masks(frames: Iterable[NDArray[np.uint8]], holes: Iterable[Hole]) -> Iterator[FrameMeasure]:
    """Measure a mask frame by frame, with memory for a few frames.

    frames : (H, W, 3) uint8 RGB.
    holes  : (H, W) bool, as many.
    Yields : as many measures as there are frames of both.
    Raises : ShapeError if a hole is not of its frame's size.
    """
    before: list[Hole] = []
    coarse: NDArray[np.float32] | None = None
    held: deque[_Looked] = deque(maxlen=2 * REACH + 2)  # from the frame before t - REACH to t + REACH
    for frame, hole in zip(frames, holes, strict=False):
        if frame.shape[:2] != hole.shape:
            raise ShapeError(f"hole must be of its frame's size {frame.shape[:2]}; got {hole.shape}")
        grey = _grey(frame)
        now = np.asarray(cv2.resize(grey, (24, 14), interpolation=cv2.INTER_AREA), np.float32)
        change = 0.0 if coarse is None else float(np.abs(now - coarse).mean())
        coarse = now
        held.append(_Looked(_measure(hole, before, change), _on_grid(hole, grey.shape), _edges(grey)))
        before = [hole, *before[:1]]
        if len(held) > REACH:
            yield _with_edges(held, len(held) - 1 - REACH)
    for at in range(max(len(held) - REACH, 0), len(held)):
        yield _with_edges(held, at)


@dataclass(frozen=True)
class _Looked:
    """One frame on the working grid."""

    measure: FrameMeasure
    hole: Hole
    edges: NDArray[np.float32]


def _with_edges(held: Sequence[_Looked], at: int) -> FrameMeasure:
    """The measure of a frame, with the edges along its outline where frames REACH before and after are known."""
    this = held[at]
    if not REACH < at < len(held) - REACH or not this.hole.any() or this.hole.all():
        return this.measure
    distance = _signed_distance(this.hole)
    before = held[at - 1].hole
    if not before.any() or before.all():
        return this.measure
    moved = np.abs(distance - _signed_distance(before)) >= LEAST_MOVE
    rings = [np.asarray(moved & (np.abs(distance - offset) <= HALF_RING), np.bool_) for offset in OFFSETS]
    known = [np.count_nonzero(ring) >= LEAST_RING for ring in rings]
    if not known[int(np.flatnonzero(OFFSETS == 0)[0])]:
        return this.measure
    edges = [
        [
            held[at + shift].edges[ring].mean() if is_known else np.nan
            for ring, is_known in zip(rings, known, strict=True)
        ]
        for shift in SHIFTS
    ]
    return replace(this.measure, edges=np.array(edges, np.float32))


def _signed_distance(hole: Hole) -> NDArray[np.float32]:
    """Pixels to the outline of a hole, below 0 inside."""
    outside = cv2.distanceTransform((~hole).view(np.uint8), cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.asarray(outside) - np.asarray(inside), np.float32)


def _measure(hole: Hole, before: list[Hole], change: float) -> FrameMeasure:
    largest = largest_small_part(*hole.shape)
    border = np.concatenate([hole[0], hole[-1], hole[:, 0], hole[:, -1]])
    box = _box_of(hole)
    return FrameMeasure(
        marked=int(np.count_nonzero(hole)),
        share=float(hole.mean()),
        on_border=float(border.mean()),
        gaps=int(np.count_nonzero(pinholes(hole[box], largest))),
        specks=int(np.count_nonzero(specks(hole[box], largest))),
        overlap=_overlap(hole, before[0]) if before else 1.0,
        overlap_beyond=_overlap(hole, before[1]) if len(before) > 1 else 1.0,
        picture_change=change,
        edges=None,
    )


def _box_of(hole: Hole) -> Box:
    """The rows and columns that hold all that is marked: there is nothing to look at elsewhere."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if len(rows) == 0:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _overlap(one: Hole, other: Hole) -> float:
    union = np.count_nonzero(one | other)
    return float(np.count_nonzero(one & other) / union) if union else 1.0


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    factor = min(1.0, WORKING_SIDE / min(height, width))
    size = (max(8, round(width * factor)), max(8, round(height * factor)))
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _on_grid(hole: Hole, shape: tuple[int, ...]) -> Hole:
    small = cv2.resize(hole.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(np.asarray(small) > 0.5, np.bool_)


def _edges(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Strength of the edges of a picture, (h, w) float32, as a share of its own mean."""
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 0.8)
    across, down = cv2.Scharr(smooth, cv2.CV_32F, 1, 0) / 16, cv2.Scharr(smooth, cv2.CV_32F, 0, 1) / 16
    strength = np.minimum(np.hypot(across, down), STRONGEST_EDGE)
    return np.asarray(strength / (strength.mean() + 1e-3), np.float32)
