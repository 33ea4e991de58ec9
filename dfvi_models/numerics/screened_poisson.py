"""The screened Poisson equation on the pixels of a hole, and the relaxation that solves it.

The surface u follows a given gradient field g and stays near given values d: over the hole it minimises

    sum |grad u - g|^2 + sum screen |u - d|^2

where u is given outside the hole (Dirichlet) and floats at the border of the image (Neumann): a pixel has as many
neighbours as lie inside the image. For a hole pixel p with the neighbours q the derivative is zero where

    (screen + sum w) u_p = sum w u_q + screen d_p + sum w g_pq        w: 1, or side over distance of unequal pixels

Both sums without u are the *source* of the pixel. Four methods solve this equation: the harmonic fill (`laplace`: no
screen, no source), temporal flow completion (g = 0, d carried motion), Poisson blending and seam blending of colours.
Source: Perez et al., Poisson Image Editing, 2003; Bhat et al., Fourier analysis of the 2D screened Poisson equation,
ECCV 2008; successive over-relaxation: Young 1954.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled, inlined

KNOWN, HOLE, OUTSIDE = 0, 1, 2
"""Kinds of pixels: its value is given; it is to be solved for; it is no neighbour of any pixel."""

Planes = NDArray[Any]
"""(C, P) float32 or float64: C channels of a grid of P pixels that has a frame of OUTSIDE pixels, which hold 0."""


@dataclass(frozen=True)
class Equations:
    """One equation for each of the N hole pixels of a framed grid (h + 2, w + 2)."""

    pixels: NDArray[np.int32]
    """(N,) flat indices of the hole pixels, those of one colour of the chessboard first."""
    scale: NDArray[Any]
    """(N,): 1 / (screen + sum of weights); 0 where that sum is 0."""
    share: NDArray[Any] | None
    """(N, 4): scale times the weight of the neighbour left, right, above and below; None if each that is not OUTSIDE
    has the weight 1."""
    line: int
    """Distance between a pixel and the one below it, in flat indices: w + 2."""


def framed_kinds(hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the kinds of the pixels of an image (H, W), as (H + 2, W + 2) with a frame of OUTSIDE pixels."""
    kind = np.full((hole.shape[0] + 2, hole.shape[1] + 2), OUTSIDE, np.uint8)
    kind[1:-1, 1:-1] = hole  # False is KNOWN, True is HOLE
    return kind


def framed_planes(image: NDArray[Any], dtype: Any = np.float32) -> Planes:
    """Return the channels of an image (H, W, C) as planes (C, (H + 2) * (W + 2)) with a frame of 0."""
    height, width, channels = image.shape
    planes = np.zeros((channels, height + 2, width + 2), dtype)
    planes[:, 1:-1, 1:-1] = image.transpose(2, 0, 1)
    return planes.reshape(channels, -1)


def unframed(planes: Planes, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return planes (C, (H + 2) * (W + 2)) as an image (H, W, C), a view; shape: (H, W)."""
    return planes.reshape(len(planes), shape[0] + 2, shape[1] + 2)[:, 1:-1, 1:-1].transpose(1, 2, 0)


def assemble(kind: NDArray[np.uint8], screen: NDArray[np.float64] | float = 0.0, dtype: Any = np.float32) -> Equations:
    """Return the equations of a grid of equal, square pixels.

    kind   : (h + 2, w + 2) KNOWN, HOLE or OUTSIDE, the frame OUTSIDE.
    screen : >= 0: one number, or (h + 2, w + 2) float64.
    dtype  : of the scale, float32 or float64.
    """
    pixels = _chessboard(kind)
    screens = np.full(len(pixels), float(screen)) if isinstance(screen, float) else screen.reshape(-1)[pixels]
    scale = _scale(kind.reshape(-1), screens, pixels, kind.shape[1])
    return Equations(pixels, scale.astype(dtype), None, kind.shape[1])


def assemble_unequal(kind: NDArray[np.uint8], heights: NDArray[np.float64], widths: NDArray[np.float64]) -> Equations:
    """Return the equations, without screen and in float64, of a grid whose rows and columns differ in size.

    heights, widths : (h,) and (w,): sizes of the rows and columns, in any unit.
    """
    pixels = _chessboard(kind)
    scale, share = _shares(kind, heights, widths, pixels)
    return Equations(pixels, scale, share, int(kind.shape[1]))


def relax(
    surface: Planes, source: Planes, equations: Equations, *, over_relaxation: float | np.float32, sweeps: int
) -> None:
    """Improve a surface in place by sweeps of successive over-relaxation, in chessboard order.

    surface         : (C, P); the hole's pixels change, the others are read.
    source          : (C, N), of each equation.
    over_relaxation : 1 is Gauss-Seidel; towards 2 the smoother parts of the error vanish faster. A float makes the
                      steps float64; np.float32 is faster.
    """
    _relax(surface, source, equations.pixels, equations.scale, equations.share, equations.line, over_relaxation,
           sweeps)  # fmt: skip


# In the loops below flat indices are unsigned, or numba would test each for being negative: that is half the time.


@inlined
def weighted_mean(plane: NDArray[Any], n: int, at: Any, share: Any, line: Any) -> Any:
    """Return the mean of the neighbours of the pixel `at`, weighted by the shares of the n-th equation."""
    one = np.uint32(1)
    return (
        share[n, 0] * plane[at - one]
        + share[n, 1] * plane[at + one]
        + share[n, 2] * plane[at - line]
        + share[n, 3] * plane[at + line]
    )


@inlined
def wanted_value(
    plane: NDArray[Any], source: NDArray[Any], n: int, at: Any, scale: NDArray[Any], share: Any, line: Any
) -> Any:
    """Return what the n-th equation makes of the pixel `at`: the scaled sum of its source and its neighbours."""
    one = np.uint32(1)
    if share is None:  # decided when compiled
        return (source[n] + plane[at - line] + plane[at + line] + plane[at - one] + plane[at + one]) * scale[n]
    return weighted_mean(plane, n, at, share, line) + scale[n] * source[n]


@compiled
def _relax(
    surface: Planes,
    sources: Planes,
    pixels: NDArray[np.int32],
    scale: NDArray[Any],
    share: NDArray[Any] | None,
    line: int,
    over_relaxation: float | np.float32,
    sweeps: int,
) -> None:
    below = np.uint32(line)
    for c in range(len(surface)):
        plane, source = surface[c], sources[c]
        for _ in range(sweeps):
            for n in range(len(pixels)):
                at = np.uint32(pixels[n])
                wanted = wanted_value(plane, source, n, at, scale, share, below)
                plane[at] += over_relaxation * (wanted - plane[at])


@compiled
def _chessboard(kind: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the flat indices of the hole pixels, those of one colour of the chessboard first."""
    height, width = kind.shape
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            count += kind[y, x] == HOLE
    pixels = np.empty(count, np.int32)
    n = 0
    for colour in range(2):
        for y in range(1, height - 1):
            for x in range(1 + (y + colour + 1) % 2, width - 1, 2):
                if kind[y, x] == HOLE:
                    pixels[n] = y * width + x
                    n += 1
    return pixels


@compiled
def _scale(
    kind: NDArray[np.uint8], screen: NDArray[np.float64], pixels: NDArray[np.int32], line: int
) -> NDArray[np.float64]:
    """Return the scale of each pixel; kind: (P,); screen: (N,)."""
    scale = np.zeros(len(pixels), np.float64)
    for n in range(len(pixels)):
        at, total = pixels[n], screen[n]
        for near in (at - line, at + line, at - 1, at + 1):
            if kind[near] != OUTSIDE:
                total += 1.0
        if total > 0:  # an image of one pixel has no neighbour
            scale[n] = 1.0 / total
    return scale


@compiled
def _shares(
    kind: NDArray[np.uint8], heights: NDArray[np.float64], widths: NDArray[np.float64], pixels: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return scale and shares by finite volumes: what flows to a neighbour is the length of the side over the distance.

    `heights` and `widths` hold the sizes of rows and columns, of which the last may be small.
    """
    scale, share = np.zeros(len(pixels), np.float64), np.zeros((len(pixels), 4), np.float64)
    line = kind.shape[1]
    y, row = 0, 0  # row = y * line; division is slow
    for n in range(len(pixels)):
        if not row <= pixels[n] < row + line:
            y = pixels[n] // line
            row = y * line
        x = pixels[n] - row
        height, width = heights[y - 1], widths[x - 1]
        if kind[y, x - 1] != OUTSIDE:
            share[n, 0] = 2 * height / (width + widths[x - 2])
        if kind[y, x + 1] != OUTSIDE:
            share[n, 1] = 2 * height / (width + widths[x])
        if kind[y - 1, x] != OUTSIDE:
            share[n, 2] = 2 * width / (height + heights[y - 2])
        if kind[y + 1, x] != OUTSIDE:
            share[n, 3] = 2 * width / (height + heights[y])
        total = share[n, 0] + share[n, 1] + share[n, 2] + share[n, 3]
        if total > 0:  # an image of one pixel has no neighbour
            scale[n] = 1.0 / total
            for k in range(4):
                share[n, k] *= scale[n]
    return scale, share
