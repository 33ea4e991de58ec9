"""Which colours belong to an object and which to what surrounds it: over the whole frame, and place by place."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled, inlined

LIGHTNESS_STEP, COLOUR_STEP = 18.0, 7.0  # of OpenCV's 8-bit Lab: width of a bin
COLOUR_REACH = 56.0  # how far from grey colours are told apart
BINS = (15, 17, 17)
LEAST_SEEN = 0.3
"""Pixels of a bin that weigh as much as knowing nothing."""


def to_lab(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a frame (H, W, 3) uint8 RGB as places in the bins of the colour models, (H, W, 3) float32."""
    lab = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2Lab).astype(np.float32)
    lab[..., 0] /= LIGHTNESS_STEP
    lab[..., 1:] = np.clip(lab[..., 1:] - 128, -COLOUR_REACH, COLOUR_REACH) / COLOUR_STEP + COLOUR_REACH / COLOUR_STEP
    return lab


@dataclass(frozen=True)
class ColourModel:
    """Counts of object and surrounding by place and colour: a bilateral grid."""

    counts: NDArray[np.float32]
    """(rows, columns, *BINS, 2): surrounding and object."""
    cell: float
    """Side of a place in pixels; inf where colours count wherever they are."""

    def probability(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return for each pixel how likely its colour is the object's there, (H, W) float32, 0.5 where unknown."""
        found = np.empty(lab.shape[:2], np.float32)
        _look_up(lab, self.counts, 0.0 if np.isinf(self.cell) else 1 / self.cell, LEAST_SEEN, found)
        return found


def learn_colours(
    lab: NDArray[np.float32],
    share: NDArray[np.float32],
    *,
    cell: float = np.inf,
    weight: NDArray[np.float32] | None = None,
    moved: NDArray[np.float32] | None = None,
) -> ColourModel:
    """Learn the colours of an object and of what surrounds it.

    lab    : (H, W, 3) float32, of `to_lab`.
    share  : (H, W) float32, 0 to 1: how much of a pixel is the object.
    cell   : side in pixels of the places that have models of their own; inf is one for the whole frame.
    weight : (H, W) float32: how much a pixel counts; None counts all alike.
    moved  : (H, W, 2) float32, pixels: where each pixel is to be counted, from where it is.
    Source : local colour models as in Video SnapCut (Bai et al. 2009), on the bilateral grid of Maerki et al. 2016.
    """
    height, width = share.shape
    rows, columns = (1, 1) if np.isinf(cell) else (int(height / cell) + 2, int(width / cell) + 2)
    counts = np.zeros((rows, columns, *BINS, 2), np.float32)
    scale = 0.0 if np.isinf(cell) else 1 / cell
    weights = np.ones_like(share) if weight is None else weight
    shift = np.zeros((1, 1, 2), np.float32) if moved is None else moved
    _count(lab, share, weights, shift, scale, counts)
    for axis in range(5):
        if counts.shape[axis] > 1:
            counts = _smoothed(counts, axis)
    return ColourModel(counts, cell)


def log_odds(probability: NDArray[np.float32], most: float) -> NDArray[np.float32]:
    """Return log odds of probabilities, -1 to 1, where 1 stands for `most` and more."""
    bounded = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.asarray(np.clip(np.log(bounded / (1 - bounded)) / np.float32(most), -1, 1), np.float32)


def _smoothed(counts: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Counts shared with their neighbours along an axis, half as much with each."""
    moved = np.moveaxis(counts, axis, 0)
    result = moved.copy()
    result[1:] += 0.5 * moved[:-1]
    result[:-1] += 0.5 * moved[1:]
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))


@inlined
def _nearest(value: float, count: int) -> int:
    return min(max(int(value + 0.5), 0), count - 1)


@compiled
def _count(
    lab: NDArray[np.float32],
    share: NDArray[np.float32],
    weight: NDArray[np.float32],
    moved: NDArray[np.float32],
    scale: float,
    counts: NDArray[np.float32],
) -> None:
    height, width = share.shape
    rows, columns, first, second, third = counts.shape[:5]
    is_moved = moved.shape[0] == height and moved.shape[1] == width
    for y in range(height):
        for x in range(width):
            if weight[y, x] <= 0:
                continue
            down = y + (moved[y, x, 1] if is_moved else 0.0)
            right = x + (moved[y, x, 0] if is_moved else 0.0)
            r, c = _nearest(down * scale, rows), _nearest(right * scale, columns)
            i, j = _nearest(lab[y, x, 0], first), _nearest(lab[y, x, 1], second)
            k = _nearest(lab[y, x, 2], third)
            counts[r, c, i, j, k, 0] += weight[y, x] * (1 - share[y, x])
            counts[r, c, i, j, k, 1] += weight[y, x] * share[y, x]


@compiled
def _look_up(
    lab: NDArray[np.float32],
    counts: NDArray[np.float32],
    scale: float,
    least_seen: float,
    found: NDArray[np.float32],
) -> None:
    height, width = found.shape
    rows, columns, first, second, third = counts.shape[:5]
    for y in range(height):
        for x in range(width):
            down, right = min(y * scale, rows - 1.0), min(x * scale, columns - 1.0)
            i, j = min(lab[y, x, 0], first - 1.0), min(lab[y, x, 1], second - 1.0)
            k = min(lab[y, x, 2], third - 1.0)
            r0, c0, i0, j0, k0 = int(down), int(right), int(i), int(j), int(k)
            around, inside = 0.0, 0.0
            for corner in range(32):
                r, c = min(r0 + (corner & 1), rows - 1), min(c0 + (corner >> 1 & 1), columns - 1)
                a, b = min(i0 + (corner >> 2 & 1), first - 1), min(j0 + (corner >> 3 & 1), second - 1)
                d = min(k0 + (corner >> 4 & 1), third - 1)
                part = (1 - abs(down - r)) if corner & 1 == 0 or r > r0 else 0.0
                part *= (1 - abs(right - c)) if corner >> 1 & 1 == 0 or c > c0 else 0.0
                part *= (1 - abs(i - a)) if corner >> 2 & 1 == 0 or a > i0 else 0.0
                part *= (1 - abs(j - b)) if corner >> 3 & 1 == 0 or b > j0 else 0.0
                part *= (1 - abs(k - d)) if corner >> 4 & 1 == 0 or d > k0 else 0.0
                if part > 0:
                    around += part * counts[r, c, a, b, d, 0]
                    inside += part * counts[r, c, a, b, d, 1]
            found[y, x] = (inside + 0.5 * least_seen) / (around + inside + least_seen)
