"""Evidence at the boundary of a hole: do carried colours meet the image there, and how much does that vary itself?

A jump between carried and known colours speaks against the carried ones, the less so the more the image itself steps
from pixel to pixel there. Both are measured along the boundary and continued harmonically into the hole. Source: own.
"""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.laplace import fill_smooth

TOLERANCE = 0.02
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def boundary_evidence(
    frame: NDArray[np.uint8], hole: NDArray[np.bool_], colour: NDArray[np.float32], reached: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the jump between carried and known colours at the boundary, and the known colours' own steps there.

    frame   : (H, W, 3) uint8; hole pixels are not read.
    hole    : (H, W) bool, N pixels.
    colour  : (N, 3) float32, 0..255, row-major.
    reached : (N,) bool, where a colour was carried.
    Returns : (N, 2) float32: ln(1 + jump) and ln(1 + step), grey levels, measured where a reached pixel has two known
              ones in a row beside it, and harmonic in between; the mean of these where nothing connects them. 0 if
              there are none.
    """
    if not len(colour):
        return np.zeros((0, 2), np.float32)
    box = _around(hole)
    frame, hole = frame[box], hole[box]
    measured, evidence = _measure(frame, hole, colour, reached)
    if not measured.any():
        return np.zeros((len(colour), 2), np.float32)
    evidence[~measured] = evidence[measured].mean(axis=0)
    return fill_smooth(np.asarray(evidence, np.float32), hole & ~measured, tolerance=TOLERANCE)[hole]


def _measure(
    frame: NDArray[np.uint8], hole: NDArray[np.bool_], colour: NDArray[np.float32], reached: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return where the evidence can be measured (H, W), and the evidence (H, W, 2) there."""
    height, width = hole.shape
    image = np.pad(frame.astype(np.float32), ((2, 2), (2, 2), (0, 0)))
    known = np.pad(~hole, 2)
    carried = np.zeros((height, width, 3), np.float32)
    carried[hole] = colour
    usable = np.zeros(hole.shape, np.bool_)
    usable[hole] = reached
    total, count = np.zeros((height, width, 2), np.float32), np.zeros(hole.shape, np.float32)
    for dy, dx in DIRECTIONS:
        near, far = ((slice(2 + k * dy, 2 + k * dy + height), slice(2 + k * dx, 2 + k * dx + width)) for k in (1, 2))
        y, x = np.nonzero(usable & known[near] & known[far])
        first, second = image[near][y, x], image[far][y, x]
        total[y, x, 0] += np.abs(carried[y, x] - first).mean(axis=-1)
        total[y, x, 1] += np.abs(first - second).mean(axis=-1)
        count[y, x] += 1
    return count > 0, np.log1p(total / np.maximum(count, 1)[..., None])


def _around(hole: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the box that holds all hole pixels and the two known ones beside each."""
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    return slice(max(rows[0] - 2, 0), rows[-1] + 3), slice(max(columns[0] - 2, 0), columns[-1] + 3)
