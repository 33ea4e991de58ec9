"""Distances to the boundary of an object, the box around it, and how far two objects are the same."""

import cv2
import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice]
"""Rows and columns."""
FAR = 1e4
"""Pixels: stands for the distance to a boundary that is not there."""


def signed_distance(inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the distance to the boundary of an object (H, W) bool in pixels, (H, W) float32, positive inside.

    Without a boundary it is FAR, or -FAR.
    """
    if not inside.any() or inside.all():
        return np.full(inside.shape, FAR if inside.any() else -FAR, np.float32)
    mask = inside.astype(np.uint8)
    within = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    beyond = cv2.distanceTransform(1 - mask, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.where(inside, within - 0.5, 0.5 - beyond).astype(np.float32)


def box_around(inside: NDArray[np.bool_], margin: int) -> Box | None:
    """Return the box around an object (H, W) bool, wider by a margin in pixels as far as the frame goes; None if there
    is nothing."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    height, width = inside.shape
    return (
        slice(max(0, int(rows[0]) - margin), min(height, int(rows[-1]) + 1 + margin)),
        slice(max(0, int(columns[0]) - margin), min(width, int(columns[-1]) + 1 + margin)),
    )


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return intersection over union of two objects (H, W) bool, 1 where both are nothing."""
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 1.0
