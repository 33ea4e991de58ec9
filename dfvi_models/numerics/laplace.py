"""Harmonic fill: the smoothest surface through the boundary of a hole, by multigrid on the hole's pixels only.

It solves Laplace's equation, which is `screened_poisson` without screen and source: every hole pixel becomes the mean
of its neighbours. Grids of half the size each let the surface cross a large hole in a few cycles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.holes import hole_boxes
from dfvi_models.numerics.screened_poisson import (
    HOLE,
    KNOWN,
    OUTSIDE,
    Equations,
    assemble_unequal,
    framed_kinds,
    relax,
    weighted_mean,
)

TOLERANCE = 0.01
"""The iteration ends when the error left is estimated below this. Of flow, in pixels, it is invisible."""

MOST_CYCLES = 40
"""A bound for values so large that rounding hides the tolerance; 3 to 6 cycles are usual."""

SLOW_RATE = 0.7
"""By how much steps shrink in hard cases; 0.25 is usual. The first ones are not believed if they promise more."""

FIRST_SWEEPS = 3
SWEEPS = 2  # before and after each coarse correction
OVER_RELAXATION = 1.2


def fill_smooth(
    values: NDArray[np.float32], hole: NDArray[np.bool_], *, tolerance: float = TOLERANCE
) -> NDArray[np.float32]:
    """Fill a hole so that every pixel in it is the mean of its neighbours (Laplace's equation).

    values    : (H, W, C) float32; what stands in the hole is not read.
    hole      : (H, W) bool, True = fill.
    tolerance : in the unit of the values, > 0; see TOLERANCE.
    Returns   : (H, W, C) float32; pixels outside the hole are bit-equal. A hole over the whole image gives 0.
    Raises    : ShapeError if sizes differ or the dtypes are others.
    Source    : reference code, `regionfill`: a pixel has as many neighbours as lie inside the image, so the boundary
                of the hole holds the surface and the image's border lets it float. The reference solves it directly.
    """
    if values.ndim != 3 or values.dtype != np.float32 or hole.shape != values.shape[:2] or hole.dtype != np.bool_:
        raise ShapeError(
            f"expected values (H, W, C) float32 and hole (H, W) bool; "
            f"got {values.shape} {values.dtype} and {hole.shape} {hole.dtype}"
        )
    filled = np.array(values, order="C")
    for rows, columns in hole_boxes(hole, margin=1):
        _fill_box(filled[rows, columns], hole[rows, columns], tolerance)
    return filled


@dataclass(frozen=True)
class _Level:
    """One grid of the pyramid, with a frame of OUTSIDE pixels around it so that neighbours need no bounds check."""

    kind: NDArray[np.uint8]
    """(h + 2, w + 2): KNOWN, HOLE or OUTSIDE."""
    surface: NDArray[np.float64]
    """(C, (h + 2) * (w + 2)): known values, and the fill so far; 0 outside. In float32 long waves would be lost."""
    equations: Equations
    parents: NDArray[np.int32]
    """(N, 4): the coarser grid's pixel a pixel lies in, the nearest ones beside and above or below, and diagonally."""


def _fill_box(filled: NDArray[np.float32], hole: NDArray[np.bool_], tolerance: float) -> None:
    """Fill one box of an image in place: coarse grids first, then cycles over all of them."""
    levels = _pyramid(filled, hole)
    for i in reversed(range(len(levels))):
        level = levels[i]
        no_source = np.zeros((len(level.surface), len(level.equations.pixels)))
        if i + 1 < len(levels):
            _add_coarse(levels[i + 1].surface, level.surface, level.equations.pixels, level.parents)
        _relax_level(level, level.surface, no_source, FIRST_SWEEPS)
        if i > 0:
            _correct(levels, i, level.surface, no_source)
    _iterate(levels, no_source, tolerance)
    _copy_hole(levels[0].surface, levels[0].equations.pixels, levels[0].equations.line, filled)


def _iterate(levels: list[_Level], no_source: NDArray[np.float64], tolerance: float) -> None:
    """Repeat V-cycles on the finest grid; their steps shrink geometrically, which tells how much is still to come.

    Around single known pixels inside a hole they shrink slowly in the end, whatever the first ones promise.
    """
    finest = levels[0]
    pixels, share, line = finest.equations.pixels, finest.equations.share, finest.equations.line
    before = np.inf
    for _ in range(MOST_CYCLES):
        added = _correct(levels, 0, finest.surface, no_source)
        moved = max(added, _largest_step(finest.surface, pixels, share, line))
        rate = min(max(moved / before, SLOW_RATE), 0.99)
        if moved * rate / (1 - rate) <= tolerance:
            return
        before = moved


def _pyramid(values: NDArray[np.float32], hole: NDArray[np.bool_]) -> list[_Level]:
    """Return grids of half the size each, down to where no hole is left: a coarse pixel is hole if all its pixels are.

    The last row or column of an odd grid makes a coarse one that is smaller than the others.
    """
    kind, surface = framed_kinds(hole), np.zeros((values.shape[2], (hole.shape[0] + 2) * (hole.shape[1] + 2)))
    _copy_known(values, hole, surface)
    heights, widths = np.ones(hole.shape[0]), np.ones(hole.shape[1])
    levels: list[_Level] = []
    while True:
        equations = assemble_unequal(kind, heights, widths)
        if len(equations.pixels) == 0 and levels:
            return levels
        heights, widths = (np.add.reduceat(size, np.arange(0, len(size), 2)) for size in (heights, widths))
        coarse_kind = np.full((len(heights) + 2, len(widths) + 2), OUTSIDE, np.uint8)
        coarse_surface = np.zeros((values.shape[2], coarse_kind.size))
        _average_known(kind, surface, coarse_kind, coarse_surface)
        levels.append(_Level(kind, surface, equations, _parents(equations.pixels, equations.line, coarse_kind)))
        if kind.size == coarse_kind.size:
            return levels
        kind, surface = coarse_kind, coarse_surface


def _correct(levels: list[_Level], i: int, surface: NDArray[np.float64], source: NDArray[np.float64]) -> float:
    """Run one V-cycle on level i: relax, solve for the error left on the coarser grid, add that, relax again.

    Returns the largest value the coarser grids added, 0 if there are none.
    """
    level = levels[i]
    _relax_level(level, surface, source, SWEEPS)
    if i + 1 == len(levels):
        return 0.0
    residual, correction = np.zeros_like(levels[i + 1].surface), np.zeros_like(levels[i + 1].surface)
    equations = level.equations
    _gather_residual(surface, source, equations.pixels, equations.scale, equations.share, equations.line,
                     level.parents, residual)  # fmt: skip
    _correct(levels, i + 1, correction, np.take(residual, levels[i + 1].equations.pixels, axis=1))
    added = _add_coarse(correction, surface, equations.pixels, level.parents)
    _relax_level(level, surface, source, SWEEPS)
    return added


def _relax_level(level: _Level, surface: NDArray[np.float64], source: NDArray[np.float64], sweeps: int) -> None:
    relax(surface, source, level.equations, over_relaxation=OVER_RELAXATION, sweeps=sweeps)


@compiled
def _copy_known(values: NDArray[np.float32], hole: NDArray[np.bool_], surface: NDArray[np.float64]) -> None:
    height, width, channels = values.shape
    for y in range(height):
        for x in range(width):
            if not hole[y, x]:
                for c in range(channels):
                    surface[c, (y + 1) * (width + 2) + x + 1] = values[y, x, c]


@compiled
def _copy_hole(
    surface: NDArray[np.float64], pixels: NDArray[np.int32], width: int, filled: NDArray[np.float32]
) -> None:
    for n in range(len(pixels)):
        y, x = divmod(pixels[n], width)
        for c in range(len(surface)):
            filled[y - 1, x - 1, c] = surface[c, pixels[n]]


@compiled
def _average_known(
    kind: NDArray[np.uint8],
    surface: NDArray[np.float64],
    coarse_kind: NDArray[np.uint8],
    coarse_surface: NDArray[np.float64],
) -> None:
    height, width = kind.shape
    for y in range(1, coarse_kind.shape[0] - 1):
        for x in range(1, coarse_kind.shape[1] - 1):
            at = y * coarse_kind.shape[1] + x
            known = 0
            for j in range(2 * y - 1, min(2 * y + 1, height - 1)):
                for i in range(2 * x - 1, min(2 * x + 1, width - 1)):
                    if kind[j, i] == KNOWN:
                        known += 1
                        for c in range(len(surface)):
                            coarse_surface[c, at] += surface[c, j * width + i]
            coarse_kind[y, x] = KNOWN if known else HOLE
            if known:
                for c in range(len(surface)):
                    coarse_surface[c, at] /= known


@compiled
def _parents(pixels: NDArray[np.int32], line: int, coarse_kind: NDArray[np.uint8]) -> NDArray[np.int32]:
    parents = np.empty((len(pixels), 4), np.int32)
    coarse_line = coarse_kind.shape[1]
    for n in range(len(pixels)):
        y, x = divmod(pixels[n], line)
        near_y, near_x = (y + 1) // 2, (x + 1) // 2
        far_y = near_y - 1 if y % 2 else near_y + 1
        far_x = near_x - 1 if x % 2 else near_x + 1
        if coarse_kind[far_y, near_x] == OUTSIDE:
            far_y = near_y
        if coarse_kind[near_y, far_x] == OUTSIDE:
            far_x = near_x
        parents[n, 0], parents[n, 1] = near_y * coarse_line + near_x, near_y * coarse_line + far_x
        parents[n, 2], parents[n, 3] = far_y * coarse_line + near_x, far_y * coarse_line + far_x
    return parents


@compiled
def _largest_step(
    surface: NDArray[np.float64], pixels: NDArray[np.int32], share: NDArray[np.float64] | None, line: int
) -> float:
    """Return how far the worst pixel is from the mean of its neighbours."""
    largest, below = 0.0, np.uint32(line)
    for c in range(len(surface)):
        plane = surface[c]
        for n in range(len(pixels)):
            at = np.uint32(pixels[n])
            largest = max(largest, abs(weighted_mean(plane, n, at, share, below) - plane[at]))
    return largest


@compiled
def _gather_residual(
    surface: NDArray[np.float64],
    sources: NDArray[np.float64],
    pixels: NDArray[np.int32],
    scale: NDArray[np.float64],
    share: NDArray[np.float64] | None,
    line: int,
    parents: NDArray[np.int32],
    residual: NDArray[np.float64],
) -> None:
    """Sum what the equations miss over the pixels of each coarse pixel."""
    below = np.uint32(line)  # unsigned, or numba would test each index for being negative
    for c in range(len(surface)):
        plane, source = surface[c], sources[c]
        for n in range(len(pixels)):
            at = np.uint32(pixels[n])
            if scale[n] > 0:
                missing = weighted_mean(plane, n, at, share, below) - plane[at]
                residual[c, np.uint32(parents[n, 0])] += missing / scale[n] + source[n]


@compiled
def _add_coarse(
    coarse: NDArray[np.float64], surface: NDArray[np.float64], pixels: NDArray[np.int32], parents: NDArray[np.int32]
) -> float:
    """Add a coarse surface, bilinear between the centres of its pixels, and return the largest value added."""
    largest = 0.0
    for c in range(len(surface)):
        plane, fine = coarse[c], surface[c]
        for n in range(len(pixels)):
            near, diagonal = np.uint32(parents[n, 0]), np.uint32(parents[n, 3])
            beside, above = np.uint32(parents[n, 1]), np.uint32(parents[n, 2])
            added = 0.5625 * plane[near] + 0.1875 * (plane[beside] + plane[above]) + 0.0625 * plane[diagonal]
            fine[np.uint32(pixels[n])] += added
            largest = max(largest, abs(added))
    return largest
