"""Local features outside holes, and which of two frames look alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.holes import dilate_by_disc

MOST_FEATURES = 800
"""Of each frame, the strongest ones; they are matched at one working size, so large frames need no more."""

CONTRAST = 0.02
"""SIFT's contrast threshold; half of the usual one, for fog, walls and sand."""

HOLE_MARGIN = 3
"""Pixels around a hole in which no feature is centred: it would describe what stands in the hole."""

LARGEST_RATIO = 0.82
"""Of the distances to the best and the second best match (Lowe); closer to 1, the two are confused."""

LARGEST_DISTANCE = 0.8
"""Between descriptors of length 1; 1.41 is that of unrelated ones."""

FEWEST = 8
"""Features below which a frame has none: no plane can be told from so few."""


@dataclass(frozen=True)
class Features:
    """Places of one picture that another one can be searched for."""

    points: NDArray[np.float32]
    """(N, 2) x, y in pixels."""
    descriptors: NDArray[np.float32]
    """(N, 128), each of length 1."""


def find_features(grey: NDArray[np.uint8], hole: NDArray[np.bool_]) -> Features:
    """Return the features of a picture whose centres lie clear of its hole.

    grey    : (H, W) uint8.
    hole    : (H, W) bool, True = not looked at.
    Returns : Features; none where fewer than FEWEST are found.
    Raises  : ShapeError if sizes differ.
    Source  : SIFT (Lowe 2004) by OpenCV, compared by the square roots of its histograms (Arandjelović and Zisserman,
              Three things everyone should know to improve object retrieval, CVPR 2012).
    """
    if grey.ndim != 2 or grey.dtype != np.uint8 or hole.shape != grey.shape:
        raise ShapeError(f"expected grey (H, W) uint8 and a hole like it; got {grey.shape} {grey.dtype}, {hole.shape}")
    free = np.where(dilate_by_disc(hole, HOLE_MARGIN), np.uint8(0), np.uint8(255))
    sift = cv2.SIFT.create(nfeatures=MOST_FEATURES, contrastThreshold=CONTRAST)
    found, histograms = sift.detectAndCompute(np.ascontiguousarray(grey), free)
    if len(found) < FEWEST:
        return Features(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    points = np.array([one.pt for one in found], np.float32)
    shares = np.asarray(histograms, np.float32)
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-6)
    return Features(points, np.sqrt(shares))


def match_features(first: Features, second: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the points (M, 2) of `first` and, row by row, those of `second` that look like them.

    Each of a pair is the other's best match, and clearly better than the second best one.
    """
    if len(first.points) < FEWEST or len(second.points) < FEWEST:
        return first.points[:0], second.points[:0]
    likeness = first.descriptors @ second.descriptors.T  # cosine; the distance is sqrt(2 - 2 cosine)
    rows = np.arange(len(first.points))
    best = likeness.argmax(axis=1)
    mutual = likeness.argmax(axis=0)[best] == rows
    of_best = likeness[rows, best]
    likeness[rows, best] = -1
    distance, next_distance = (np.sqrt(np.maximum(2 - 2 * cosine, 0)) for cosine in (of_best, likeness.max(axis=1)))
    good = mutual & (distance < LARGEST_RATIO * next_distance) & (distance < LARGEST_DISTANCE)
    return first.points[good], second.points[best[good]]
