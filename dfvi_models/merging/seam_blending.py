"""Seam blending: spreads the jump where colours of different frames meet, so that no edge shows.

A correction is added to the filled pixels which closes the jumps and fades away from them. The equation is that of
`numerics.screened_poisson`, its gradient field the jumps. After Perez et al., Poisson Image Editing, 2003.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.holes import hole_boxes
from dfvi_models.numerics.screened_poisson import HOLE, OUTSIDE, assemble, framed_kinds, relax, unframed

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
    Source  : the correction c minimises |grad c - jump|² + (c / reach)², where the jump is that of the colours across a
              seam and 0 elsewhere.
    """
    if not 0 <= reach < math.inf:
        raise ValueError(f"reach of seam blending must be 0 px or more; got {reach}")
    if frame.shape != (*filled.shape, 3) or filled.shape != left.shape or filled.shape != source.shape:
        raise ShapeError(
            f"frame {frame.shape}, filled {filled.shape}, left {left.shape} and source {source.shape} differ in size"
        )
    blended = np.array(frame, np.uint8, order="C")
    if reach > 0:
        for box in hole_boxes(filled, margin=1):
            correction = _correction(frame[box], filled[box], left[box], source[box], reach)
            inside = filled[box]
            blended[box][inside] = np.clip(np.rint(frame[box][inside] + correction[inside]), 0, 255)
    return blended


def _correction(
    frame: NDArray[np.uint8],
    filled: NDArray[np.bool_],
    left: NDArray[np.bool_],
    source: NDArray[np.int32],
    reach: float,
) -> NDArray[np.float32]:
    """Return what is to be added (H, W, 3), not rounded."""
    kind = framed_kinds(filled)
    kind[1:-1, 1:-1][left] = OUTSIDE
    screen = 1 / reach**2
    equations = assemble(kind, screen)
    jump = np.zeros((3, len(equations.pixels)), np.float32)
    _add_jumps(kind, equations.pixels, frame, source, jump)
    spectral_radius = 4 / (4 + screen)  # of Jacobi's iteration; gives the best over-relaxation
    over_relaxation = 2 / (1 + math.sqrt(1 - spectral_radius**2))
    correction = np.zeros((3, kind.size), np.float32)
    sweeps = FEWEST_SWEEPS + math.ceil(SWEEPS_PER_PIXEL * reach)
    relax(correction, jump, equations, over_relaxation=np.float32(over_relaxation), sweeps=sweeps)
    return unframed(correction, filled.shape)


@compiled
def _add_jumps(
    kind: NDArray[np.uint8],
    pixels: NDArray[np.int32],
    frame: NDArray[np.uint8],
    source: NDArray[np.int32],
    jump: NDArray[np.float32],
) -> None:
    """Sum, for each filled pixel, the jumps of the colours to the neighbours across a seam; jump: (3, N)."""
    line = kind.shape[1]
    y, row = 0, 0  # row = y * line; division is slow
    for n in range(len(pixels)):
        if not row <= pixels[n] < row + line:
            y = pixels[n] // line
            row = y * line
        x = pixels[n] - row
        for j, i in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if kind[j, i] == OUTSIDE or (kind[j, i] == HOLE and source[j - 1, i - 1] == source[y - 1, x - 1]):
                continue
            for c in range(3):
                step = np.float32(frame[j - 1, i - 1, c]) - np.float32(frame[y - 1, x - 1, c])
                jump[c, n] += step
