"""Seam blending: spreads the jump where colours of different frames meet, so that no edge shows."""

import math

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled

SWEEPS_PER_PIXEL = 6  # of reach; leaves under half a grey level of error
FEWEST_SWEEPS = 8


def blend_seams(
    frame: NDArray[np.uint8],
    filled: NDArray[np.bool_],
    left: NDArray[np.bool_],
    source: NDArray[np.int32],
    reach: float,
) -> NDArray[np.uint8]:
    """Add a correction to filled pixels that closes the jumps at seams and fades away from them.

    frame   : (H, W, 3) uint8 RGB.
    filled  : (H, W) bool, pixels that may change.
    left    : (H, W) bool, hole pixels that hold no colour; they neither change nor have a say.
    source  : (H, W) int32; a seam runs between neighbours of different source.
    reach   : pixels over which the correction falls to about a third; 0 returns a copy.
    Returns : (H, W, 3) uint8; pixels that are not filled are bit-equal.
    Raises  : ShapeError if sizes differ; ValueError if reach is negative or not finite.
    Source  : screened Poisson equation: the correction c minimises |grad c - jump|² + (c / reach)², where the jump is
              that of the colours across a seam and 0 elsewhere. After Perez et al., Poisson Image Editing, 2003.
    """
    if not 0 <= reach < math.inf:
        raise ValueError(f"reach of seam blending must be 0 px or more; got {reach}")
    if frame.shape != (*filled.shape, 3) or filled.shape != left.shape or filled.shape != source.shape:
        raise ShapeError(
            f"frame {frame.shape}, filled {filled.shape}, left {left.shape} and source {source.shape} differ in size"
        )
    blended = np.array(frame, np.uint8, order="C")
    pixels = _chessboard(filled)
    if reach == 0 or len(pixels) == 0:
        return blended
    neighbours, jump, count = _links(pixels, blended.reshape(-1, 3), filled, left, source)
    screen = 1 / reach**2
    spectral_radius = 4 / (4 + screen)  # of Jacobi's iteration; gives the best over-relaxation
    omega = 2 / (1 + math.sqrt(1 - spectral_radius**2))
    sweeps = FEWEST_SWEEPS + math.ceil(SWEEPS_PER_PIXEL * reach)
    correction = _relax(neighbours, jump, count, screen, omega, sweeps)
    flat = blended.reshape(-1, 3)
    flat[pixels] = np.clip(np.rint(flat[pixels] + correction), 0, 255)
    return blended


def _chessboard(filled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Flat numbers of the filled pixels, those of one colour of the chessboard first."""
    pixels = np.flatnonzero(filled)
    y, x = np.divmod(pixels, filled.shape[1])
    return pixels[np.argsort((y + x) % 2, kind="stable")]


@compiled
def _links(
    pixels: NDArray[np.int64],
    frame: NDArray[np.uint8],
    filled: NDArray[np.bool_],
    left: NDArray[np.bool_],
    source: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Per pixel: ranks of its 4 neighbours (N = not filled), summed jumps to them (N, 3), and how many count."""
    height, width = filled.shape
    rank = np.full(height * width, len(pixels), np.int32)
    for n in range(len(pixels)):
        rank[pixels[n]] = n
    neighbours = np.full((len(pixels), 4), len(pixels), np.int32)
    jump = np.zeros((len(pixels), 3), np.float32)
    count = np.zeros(len(pixels), np.float32)
    for n in range(len(pixels)):
        y, x = divmod(pixels[n], width)
        for k, (j, i) in enumerate(((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))):
            if not (0 <= j < height and 0 <= i < width) or left[j, i]:
                continue
            count[n] += 1
            neighbours[n, k] = rank[j * width + i]
            if not filled[j, i] or source[j, i] != source[y, x]:
                for c in range(3):
                    jump[n, c] += np.float32(frame[j * width + i, c]) - np.float32(frame[pixels[n], c])
    return neighbours, jump, count


@compiled
def _relax(
    neighbours: NDArray[np.int32],
    jump: NDArray[np.float32],
    count: NDArray[np.float32],
    screen: float,
    omega: float,
    sweeps: int,
) -> NDArray[np.float32]:
    total = len(neighbours)
    correction = np.zeros((total + 1, 3), np.float32)  # the last stands for all neighbours that cannot change
    for _ in range(sweeps):
        for n in range(total):
            a, b, d, e = neighbours[n]
            share = np.float32(omega) / (count[n] + np.float32(screen))
            for c in range(3):
                pull = jump[n, c] + correction[a, c] + correction[b, c] + correction[d, c] + correction[e, c]
                correction[n, c] += share * pull - np.float32(omega) * correction[n, c]
    return correction[:total]
