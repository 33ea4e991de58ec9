"""Bilinear sampling between pixels, for compiled loops and for arrays of positions.

`propagation.consistency` alone writes the formula out: it samples in blocks that vector instructions take, and in the
order of summation of the reference code, whose results it gives bit for bit.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled, inlined

Four = tuple[int, int, int, int]


@inlined
def bilinear_corners(y: float, x: float, height: int, width: int) -> tuple[Four, Four, tuple[float, ...]]:
    """Return the four pixels around a position inside the image, and how much each of them counts.

    y, x    : 0 .. height-1 and 0 .. width-1, pixels.
    Returns : rows, columns and weights of the pixels top left, top right, bottom left and bottom right. Weights add up
              to 1; on the last row or column the pixels that would lie outside are repeated ones of weight 0.
    """
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    dy, dx = y - top, x - left
    weights = ((1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx)
    return (top, top, bottom, bottom), (left, right, left, right), weights


@inlined
def bilinear_vector(field: NDArray[np.float32], y: float, x: float) -> tuple[float, float]:
    """Return the vector of a field (H, W, 2) at a position inside it."""
    rows, columns, weights = bilinear_corners(y, x, field.shape[0], field.shape[1])
    first, second = 0.0, 0.0
    for i in range(4):
        first += weights[i] * field[rows[i], columns[i], 0]
        second += weights[i] * field[rows[i], columns[i], 1]
    return first, second


def sample_bilinear(image: NDArray[Any], y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of an image (H, W, C) at N positions inside it, (N, C) float64.

    y, x : (N,) float64, 0 .. H-1 and 0 .. W-1.
    """
    values = np.zeros((len(y), image.shape[2]))
    _sample(np.ascontiguousarray(image), np.ascontiguousarray(y), np.ascontiguousarray(x), values)
    return values


@compiled
def _sample(image: NDArray[Any], y: NDArray[np.float64], x: NDArray[np.float64], values: NDArray[np.float64]) -> None:
    for n in range(len(y)):
        rows, columns, weights = bilinear_corners(y[n], x[n], image.shape[0], image.shape[1])
        for i in range(4):
            for c in range(image.shape[2]):
                values[n, c] += weights[i] * image[rows[i], columns[i], c]
