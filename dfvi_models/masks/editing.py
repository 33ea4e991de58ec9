"""Edits of the holes of one frame, and of the order of frames in time. OpenCV and NumPy."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice, repeat

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.holes import check_hole, dilate_by_disc

Hole = NDArray[np.bool_]


def grow(hole: Hole, pixels: int) -> Hole:
    """Grow a hole by a disc, or shrink it.

    hole    : (H, W) bool.
    pixels  : radius of the disc; below 0 the hole shrinks by as much. What leaves the frame goes on outside it: a hole
              does not shrink away from the frame's border.
    Returns : (H, W) bool.
    Raises  : ShapeError if the hole is not (H, W) bool.
    """
    if pixels >= 0:
        return dilate_by_disc(hole, pixels)
    return np.asarray(~dilate_by_disc(~hole, -pixels), np.bool_)


def pinholes(hole: Hole, largest: int) -> Hole:
    """Return the gaps in a hole: what it does not mark, is surrounded by it, and is small.

    hole    : (H, W) bool.
    largest : pixels of a gap that still counts.
    Returns : (H, W) bool, True in the gaps. What touches the frame's border is no gap.
    Raises  : ShapeError if the hole is not (H, W) bool.
    """
    check_hole(hole)
    if not hole.any():
        return np.zeros_like(hole)
    padded = np.pad(~hole, 1, constant_values=True)  # all that lies at the border is one part, larger than any gap
    return _small_parts(padded, largest, 4)[1:-1, 1:-1]


def specks(hole: Hole, largest: int) -> Hole:
    """Return the parts of a hole (H, W) bool, each connected within itself, of at most `largest` pixels.

    Raises : ShapeError if the hole is not (H, W) bool.
    """
    check_hole(hole)
    return _small_parts(hole, largest, 8) if hole.any() else np.zeros_like(hole)


def shifted(holes: Iterable[Hole], frames: int) -> Iterator[Hole]:
    """Show each hole so many frames later, or earlier if below 0.

    The first or the last one stands in for those that are missing then. As many come out as went in.
    """
    iterator = iter(holes)
    if frames >= 0:
        return _later(iterator, frames)
    return _earlier(iterator, -frames)


def _later(holes: Iterator[Hole], frames: int) -> Iterator[Hole]:
    held: deque[Hole] = deque()
    for hole in holes:
        held.extend(repeat(hole, 1 if held else frames + 1))
        yield held.popleft()


def _earlier(holes: Iterator[Hole], frames: int) -> Iterator[Hole]:
    skipped = list(islice(holes, frames))
    last, count = (skipped[-1], 0) if skipped else (None, 0)
    for hole in holes:
        last, count = hole, count + 1
        yield hole
    if last is not None:
        yield from chain(repeat(last, len(skipped)))


def _small_parts(hole: Hole, largest: int, connectivity: int) -> Hole:
    _, label, stats, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(hole).view(np.uint8), connectivity=connectivity
    )
    is_small = stats[:, cv2.CC_STAT_AREA] <= largest
    is_small[0] = False
    return np.asarray(is_small[label], np.bool_)
