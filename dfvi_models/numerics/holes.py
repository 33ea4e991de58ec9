"""Operations on holes (bool planes, True = to be replaced): pixel lists, bounding boxes, dilation, other grids."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled

MOST_BOXES = 32
"""A hole of more blobs than this gets one box around all of them: that is cheaper than telling them apart."""

ALL_TRUE = np.uint64(0x0101010101010101)  # eight True, side by side

Hole = NDArray[np.bool_]
Box = tuple[slice, slice]
"""Rows and columns."""


def check_hole(hole: Hole) -> None:
    """Raise ShapeError unless a hole is (H, W) bool."""
    if hole.ndim != 2 or hole.dtype != np.bool_:
        raise ShapeError(f"hole must be (H, W) bool; got {hole.shape} {hole.dtype}")


def hole_indices(hole: Hole) -> NDArray[np.int32]:
    """Return the flat indices (y * W + x) of the True pixels of a hole (H, W) bool, ascending, as `np.flatnonzero`.

    It looks at eight pixels at a time, which is several times faster where most of the image is no hole: three stages
    need these indices for every frame.
    """
    flat = np.ascontiguousarray(hole).reshape(-1)
    indices = np.empty(np.count_nonzero(flat), np.int32)
    whole = flat.size // 8 * 8
    _collect_indices(flat[:whole].view(np.uint64), flat, indices)
    return indices


def hole_boxes(hole: Hole, margin: int) -> list[Box]:
    """Return bounding boxes of the connected parts of a hole, so that work is done there and not on the whole image.

    hole    : (H, W) bool.
    margin  : pixels added on each side of each box, as far as the image goes.
    Returns : (rows, columns) slices that share no pixel and together hold every hole pixel; at most MOST_BOXES, none
              for an empty hole.
    """
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if len(rows) == 0:
        return []
    height, width = hole.shape
    cropped = np.ascontiguousarray(hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])  # labelling is slow
    count, _, stats, _ = cv2.connectedComponentsWithStats(cropped.view(np.uint8), connectivity=8)
    left, top, wide, high = stats[1:, :4].T.astype(int)
    top, left = top + rows[0], left + columns[0]
    bounds = np.stack([top, left, top + high, left + wide], axis=1)
    if count - 1 > MOST_BOXES:
        bounds = np.concatenate([bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)])[None]
    grown = np.clip(bounds + margin * np.array([-1, -1, 1, 1]), 0, [height, width, height, width])
    return [(slice(y0, y1), slice(x0, x1)) for y0, x0, y1, x1 in _join_overlapping(grown.tolist())]


def dilate_by_disc(hole: Hole, radius: int) -> Hole:
    """Dilate a hole by a disc: a pixel becomes hole if one lies within about `radius` pixels.

    hole    : (H, W) bool.
    radius  : pixels, >= 0; 0 gives a copy. The disc is OpenCV's (2 radius + 1)-pixel ellipse.
    Returns : (H, W) bool.
    Raises  : ShapeError if the hole is not (H, W) bool; ValueError if the radius is negative.
    Source  : quality-tested; the reference dilates by a square, see `dilate_by_square`.
    """
    check_hole(hole)
    if radius < 0:
        raise ValueError(f"radius must be 0 px or more; got {radius}")
    dilated = hole.copy()
    if radius == 0 or not hole.any():
        return dilated
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    reached = _reached(hole.any(axis=1), radius), _reached(hole.any(axis=0), radius)
    dilated[reached] = cv2.dilate(np.ascontiguousarray(hole[reached]).view(np.uint8), disc).view(np.bool_)
    return dilated


def dilate_by_square(hole: Hole, side: int) -> Hole:
    """Dilate a hole (H, W) bool by a square of `side` pixels, as the reference code does.

    side    : 0 and 1 return the hole itself; an even side reaches one pixel further right and down than left and up.
    Returns : (H, W) bool.
    """
    if side < 2 or not hole.any():
        return hole
    square = np.ones((side, side), np.uint8)
    return np.asarray(cv2.dilate(np.ascontiguousarray(hole).view(np.uint8), square)).view(np.bool_)


def dilate_by_cross(hole: Hole, times: int) -> Hole:
    """Dilate a hole by its four neighbours, `times` times over: what STTN, E2FGVI and ProPainter do to object masks.

    hole    : (H, W) bool.
    times   : 0 or more; they use 4.
    Returns : (H, W) bool.
    Raises  : ShapeError if the hole is not (H, W) bool; ValueError if `times` is negative.
    """
    check_hole(hole)
    if times < 0:
        raise ValueError(f"a hole is dilated 0 times or more; got {times}")
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    dilated = cv2.dilate(np.ascontiguousarray(hole).view(np.uint8), cross, iterations=times) if times else hole.copy()
    return np.asarray(dilated).view(np.bool_)


def resize_hole_nearest(hole: Hole, height: int, width: int) -> Hole:
    """Bring a hole (h, w) bool to another size by nearest-neighbour sampling, as E2FGVI and ProPainter do.

    A line thinner than the sampling step vanishes; `resize_hole_touching` keeps it.
    Returns : (height, width) bool; the same array if the size is already right.
    Raises  : ShapeError if the hole is not (h, w) bool; ValueError if a side is below 1.
    """
    check_hole(hole)
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1 pixel; got {height} and {width}")
    if hole.shape == (height, width):
        return hole
    plane = np.ascontiguousarray(hole).view(np.uint8)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8).view(np.bool_)


def resize_hole_touching(hole: Hole, height: int, width: int) -> Hole:
    """Bring a hole (h, w) bool to another grid, on which every pixel that overlaps the hole becomes hole.

    Returns : (height, width) bool; the same array if the size is already right.
    """
    if hole.shape == (height, width):
        return hole
    covered = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(covered > 0, np.bool_)


def resize_hole_for_bilinear(hole: Hole, height: int, width: int) -> Hole:
    """Bring a hole (h, w) bool to another grid, along with an image or flow that is resized bilinearly.

    As `resize_hole_touching`, and every pixel becomes hole whose bilinear value is mixed with what stands in the hole.
    Returns : (height, width) bool; the same array if the size is already right.
    """
    if hole.shape == (height, width):
        return hole
    mixed = cv2.resize(hole.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return resize_hole_touching(hole, height, width) | (np.asarray(mixed) > 0)


def _reached(occupied: Any, radius: int) -> slice:
    """Return the part of an axis that a hole can grow into which has pixels in the `occupied` rows or columns."""
    places = np.flatnonzero(occupied)
    return slice(max(int(places[0]) - radius, 0), int(places[-1]) + radius + 1)


def _join_overlapping(bounds: list[list[int]]) -> list[list[int]]:
    """Replace boxes (y0, x0, y1, x1) that overlap by the box around both, until none do."""
    apart: list[list[int]] = []
    waiting = list(bounds)
    while waiting:
        box = waiting.pop()
        for other in apart:
            if box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]:
                apart.remove(other)
                waiting.append([*map(min, box[:2], other[:2]), *map(max, box[2:], other[2:])])
                break
        else:
            apart.append(box)
    return sorted(apart)


@compiled
def _collect_indices(words: NDArray[np.uint64], flat: NDArray[np.bool_], indices: NDArray[np.int32]) -> None:
    n = 0
    for word in range(len(words)):
        if words[word] == ALL_TRUE:
            for k in range(8):
                indices[n + k] = 8 * word + k
            n += 8
        elif words[word]:
            for at in range(8 * word, 8 * word + 8):
                if flat[at]:
                    indices[n] = at
                    n += 1
    for at in range(8 * len(words), len(flat)):
        if flat[at]:
            indices[n] = at
            n += 1
