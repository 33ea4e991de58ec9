"""Screened Poisson blending: joins carried colours to the picture around the hole, and smooths only what is doubtful."""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.compiled import compiled
from dfvi_models.errors import ShapeError
from dfvi_models.laplace import fill_smooth


def blend(
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    colour: NDArray[np.float32],
    confidence: NDArray[np.float32],
    *,
    screen: float = 0.02,
    sweeps: int = 50,
    omega: float = 1.8,
) -> NDArray[np.float32]:
    """(H, W, 3) float32 colours with the hole blended."""
    init = frame.astype(np.float32)
    mask = np.zeros_like(hole)
    mask[hole] = confidence <= 0
    init[hole] = colour
    if mask.any():
        init = fill_smooth(init, mask, tolerance=0.5)
    pixels = np.flatnonzero(hole)
    rank = np.full(hole.shape, -1, np.int32)
    rank.reshape(-1)[pixels] = np.arange(len(pixels), dtype=np.int32)
    _blend(pixels, rank, init, colour.astype(np.float32), confidence.astype(np.float32), screen, sweeps, omega)
    return init


@compiled
def _blend(pixels, rank, image, colour, confidence, screen, sweeps, omega):  # type: ignore[no-untyped-def]
    height, width = rank.shape
    count = len(pixels)
    lam = np.empty(count)
    right = np.zeros((count, 3))
    diag = np.zeros(count)
    order = np.empty(count, np.int64)
    m = 0
    for colour_of_board in range(2):
        for n in range(count):
            y, x = divmod(pixels[n], width)
            if (y + x) % 2 == colour_of_board:
                order[m] = n
                m += 1
    for n in range(count):
        y, x = divmod(pixels[n], width)
        c = confidence[n]
        lam[n] = screen * c / (1.0 + screen - c)
        diag[n] = lam[n]
        for k in range(3):
            right[n, k] = lam[n] * colour[n, k]
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            j, i = y + dy, x + dx
            if j < 0 or i < 0 or j >= height or i >= width:
                continue
            diag[n] += 1.0
            m = rank[j, i]
            if m >= 0 and confidence[m] > 0 and c > 0:
                s = min(c, confidence[m])
                for k in range(3):
                    right[n, k] += s * (colour[n, k] - colour[m, k])
    for _ in range(sweeps):
        for q in range(count):
            n = order[q]
            y, x = divmod(pixels[n], width)
            for k in range(3):
                total = right[n, k]
                if x > 0:
                    total += image[y, x - 1, k]
                if x < width - 1:
                    total += image[y, x + 1, k]
                if y > 0:
                    total += image[y - 1, x, k]
                if y < height - 1:
                    total += image[y + 1, x, k]
                image[y, x, k] += omega * (total / diag[n] - image[y, x, k])
