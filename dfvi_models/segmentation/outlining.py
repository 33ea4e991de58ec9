"""The outline of an object of which only a box is known."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.distance import Box

ROUNDS = 6
SURROUNDINGS = 0.5  # of the box's longer side: how far around it the surroundings are learned
SMALLEST_SHARE = 0.05  # of the box: less is no object, and the box itself is taken
SMALL_PART = 0.05  # of the largest part of what was found: smaller parts are dropped


def outline_in_box(frame: NDArray[np.uint8], box: Box) -> NDArray[np.bool_]:
    """Return the object in a box of a frame, (H, W) bool: what does not look like its surroundings.

    frame  : (H, W, 3) uint8 RGB.
    box    : rows and columns, inside the frame. Where no object stands out in it, all of it is the object.
    Raises : ShapeError for anything that is no frame, or a box without pixels in it.
    Source : GrabCut (Rother, Kolmogorov, Blake 2004) as OpenCV has it.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ShapeError(f"a frame must be (H, W, 3) uint8; got {frame.shape} {frame.dtype}")
    whole = np.zeros(frame.shape[:2], bool)
    whole[box] = True
    if not whole.any():
        raise ShapeError(f"the box {box} holds no pixel of a frame of {frame.shape[:2]}")
    near = _wider(box, frame.shape[:2])
    labels = np.where(whole[near], np.uint8(cv2.GC_PR_FGD), np.uint8(cv2.GC_BGD))
    if (labels == cv2.GC_PR_FGD).all():
        return whole
    cv2.setRNGSeed(0)  # its colour clusters start at random
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))  # its colour models
    picture = np.ascontiguousarray(frame[near])
    cv2.grabCut(picture, labels, (0, 0, 0, 0), outside, inside, ROUNDS, cv2.GC_INIT_WITH_MASK)
    found = _large_parts(labels == cv2.GC_PR_FGD)
    if np.count_nonzero(found) < SMALLEST_SHARE * np.count_nonzero(whole):
        return whole
    whole[near] = found
    return whole


def _wider(box: Box, shape: tuple[int, ...]) -> Box:
    around = int(SURROUNDINGS * max(side.stop - side.start for side in box)) + 2
    rows, columns = (
        slice(max(0, side.start - around), min(size, side.stop + around)) for side, size in zip(box, shape, strict=True)
    )
    return rows, columns


def _large_parts(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What was found without specks, and without holes that are as small."""
    if not found.any():
        return found
    count, parts, facts, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    sizes = facts[1:, cv2.CC_STAT_AREA]
    kept = [part for part in range(1, count) if sizes[part - 1] >= SMALL_PART * sizes.max()]
    return np.isin(parts, kept)
