"""Bounding boxes of holes, so that filling costs what the hole is worth and not the picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_BOXES = 32
"""With more blobs than this one box around all of them is cheaper than sorting them out."""

Box = tuple[slice, slice]


def hole_boxes(hole: NDArray[np.bool_], margin: int) -> list[Box]:
    """Boxes (rows, columns) that share no pixel and together hold every hole pixel.

    hole    : (H, W) bool.
    margin  : pixels added on each side of each blob, as far as the picture goes.
    Returns : no box for an empty hole; at most MOST_BOXES.
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
