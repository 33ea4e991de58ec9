"""Harmonic fill: the smoothest surface through the rim of a hole, by multigrid on the hole's pixels only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.hole_boxes import hole_boxes

TOLERANCE = 0.01
"""The iteration ends when the error left is estimated below this. Of flow, in pixels, it is invisible."""

MOST_CYCLES = 40
"""A bound for values so large that rounding hides the tolerance; 3 to 6 cycles are usual."""

SLOW_RATE = 0.7
"""By how much steps shrink in hard cases; 0.25 is usual. The first ones are not believed if they promise more."""

FIRST_SWEEPS = 3
SWEEPS = 2  # before and after each coarse correction
OVER_RELAXATION = 1.2

KNOWN, HOLE, OUTSIDE = 0, 1, 2  # what a pixel is


def fill_smooth(
    values: NDArray[np.float32], hole: NDArray[np.bool_], *, tolerance: float = TOLERANCE
) -> NDArray[np.float32]:
    """Fill a hole so that every pixel in it is the mean of its neighbours (Laplace's equation).

    values    : (H, W, C) float32; what stands in the hole is not read.
    hole      : (H, W) bool, True = fill.
    tolerance : in the unit of the values, > 0; see TOLERANCE.
    Returns   : (H, W, C) float32; pixels outside the hole are bit-equal. A hole over the whole picture gives 0.
    Raises    : ShapeError if sizes differ or the dtypes are others.
    Source    : reference code, `regionfill`: a pixel has as many neighbours as lie inside the picture, so the rim of
                the hole holds the surface and the picture's border lets it float. The reference solves it directly.
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
    pixels: NDArray[np.int32]
    """Flat numbers of the N hole pixels, those of one colour of the chessboard first."""
    share: NDArray[np.float64]
    """(N, 4): weight of the neighbour left, right, above and below in the mean of its neighbours that a pixel is."""
    scale: NDArray[np.float64]
    """(N,): 1 / sum of the weights before they were made shares; what a source term is multiplied by."""
    parents: NDArray[np.int32]
    """(N, 4): the coarser grid's pixel a pixel lies in, the nearest ones beside and above or below, and diagonally."""

    @property
    def line(self) -> int:
        """Distance between a pixel and the one below it, in flat numbers."""
        return int(self.kind.shape[1])


def _fill_box(filled: NDArray[np.float32], hole: NDArray[np.bool_], tolerance: float) -> None:
    levels = _pyramid(filled, hole)
    for i in reversed(range(len(levels))):
        level = levels[i]
        nothing = np.zeros_like(level.surface)
        if i + 1 < len(levels):
            _add_coarse(levels[i + 1].surface, level.surface, level.pixels, level.parents)
        _relax(level.surface, nothing, level.pixels, level.share, level.scale, level.line, FIRST_SWEEPS)
        if i > 0:
            _correct(levels, i, level.surface, nothing)
    _iterate(levels, nothing, tolerance)
    _copy_hole(levels[0].surface, levels[0].pixels, levels[0].line, filled)


def _iterate(levels: list[_Level], nothing: NDArray[np.float64], tolerance: float) -> None:
    """Repeat V-cycles on the finest grid; their steps shrink geometrically, which tells how much is still to come.

    Around single known pixels inside a hole they shrink slowly in the end, whatever the first ones promise.
    """
    finest = levels[0]
    before = np.inf
    for _ in range(MOST_CYCLES):
        added = _correct(levels, 0, finest.surface, nothing)
        moved = max(added, _largest_step(finest.surface, finest.pixels, finest.share, finest.line))
        rate = min(max(moved / before, SLOW_RATE), 0.99)
        if moved * rate / (1 - rate) <= tolerance:
            return
        before = moved


def _pyramid(values: NDArray[np.float32], hole: NDArray[np.bool_]) -> list[_Level]:
    """Grids of half the size each, down to where no hole is left: a coarse pixel is hole if all its pixels are."""
    kind, surface = _framed(hole.shape[0], hole.shape[1], values.shape[2])
    _copy_known(values, hole, kind, surface)
    high, wide = np.ones(hole.shape[0]), np.ones(hole.shape[1])
    levels: list[_Level] = []
    while True:
        pixels, share, scale = _hole_pixels(kind, high, wide)
        if len(pixels) == 0 and levels:
            return levels
        high, wide = (np.add.reduceat(size, np.arange(0, len(size), 2)) for size in (high, wide))
        coarse_kind, coarse_surface = _framed(len(high), len(wide), values.shape[2])
        _average_known(kind, surface, coarse_kind, coarse_surface)
        levels.append(_Level(kind, surface, pixels, share, scale, _parents(pixels, kind.shape[1], coarse_kind)))
        if kind.size == coarse_kind.size:
            return levels
        kind, surface = coarse_kind, coarse_surface


def _framed(height: int, width: int, channels: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    kind = np.full((height + 2, width + 2), OUTSIDE, np.uint8)
    return kind, np.zeros((channels, kind.size), np.float64)


def _correct(levels: list[_Level], i: int, surface: NDArray[np.float64], source: NDArray[np.float64]) -> float:
    """One V-cycle on level i for: mean of the neighbours + scale * source = surface.

    Returns the largest value the coarser grids added, 0 if there are none.
    """
    level = levels[i]
    equation = (level.pixels, level.share, level.scale, level.line)
    _relax(surface, source, *equation, SWEEPS)
    if i + 1 == len(levels):
        return 0.0
    residual, correction = np.zeros_like(levels[i + 1].surface), np.zeros_like(levels[i + 1].surface)
    _gather_residual(surface, source, *equation, level.parents, residual)
    _correct(levels, i + 1, correction, residual)
    added = _add_coarse(correction, surface, level.pixels, level.parents)
    _relax(surface, source, *equation, SWEEPS)
    return added


@compiled
def _copy_known(
    values: NDArray[np.float32], hole: NDArray[np.bool_], kind: NDArray[np.uint8], surface: NDArray[np.float64]
) -> None:
    height, width, channels = values.shape
    for y in range(height):
        for x in range(width):
            if hole[y, x]:
                kind[y + 1, x + 1] = HOLE
                continue
            kind[y + 1, x + 1] = KNOWN
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
def _hole_pixels(
    kind: NDArray[np.uint8], high: NDArray[np.float64], wide: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """Hole pixels and their shares. `high`, `wide`: sizes of rows and columns, of which the last may be small."""
    height, width = kind.shape
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            count += kind[y, x] == HOLE
    pixels, share, scale = np.empty(count, np.int32), np.zeros((count, 4), np.float64), np.zeros(count, np.float64)
    n = 0
    for colour in range(2):
        for y in range(1, height - 1):
            for x in range(1 + (y + colour + 1) % 2, width - 1, 2):
                if kind[y, x] != HOLE:
                    continue
                pixels[n] = y * width + x
                # Finite volumes: what flows to a neighbour is the length of the common side over the distance.
                high_here, wide_here = high[y - 1], wide[x - 1]
                if kind[y, x - 1] != OUTSIDE:
                    share[n, 0] = 2 * high_here / (wide_here + wide[x - 2])
                if kind[y, x + 1] != OUTSIDE:
                    share[n, 1] = 2 * high_here / (wide_here + wide[x])
                if kind[y - 1, x] != OUTSIDE:
                    share[n, 2] = 2 * wide_here / (high_here + high[y - 2])
                if kind[y + 1, x] != OUTSIDE:
                    share[n, 3] = 2 * wide_here / (high_here + high[y])
                total = share[n, 0] + share[n, 1] + share[n, 2] + share[n, 3]
                if total > 0:  # a picture of one pixel has no neighbour
                    scale[n] = 1.0 / total
                    for k in range(4):
                        share[n, k] *= scale[n]
                n += 1
    return pixels, share, scale


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


# In the loops below flat numbers are unsigned, or numba would test each for being negative: that is half the time.


@compiled
def _relax(
    surface: NDArray[np.float64],
    source: NDArray[np.float64],
    pixels: NDArray[np.int32],
    share: NDArray[np.float64],
    scale: NDArray[np.float64],
    line: int,
    sweeps: int,
) -> None:
    """Gauss-Seidel with over-relaxation, the pixels of one colour of the chessboard first."""
    one, below = np.uint32(1), np.uint32(line)
    for c in range(len(surface)):
        plane, added = surface[c], source[c]
        for _ in range(sweeps):
            for n in range(len(pixels)):
                at = np.uint32(pixels[n])
                mean = (
                    share[n, 0] * plane[at - one]
                    + share[n, 1] * plane[at + one]
                    + share[n, 2] * plane[at - below]
                    + share[n, 3] * plane[at + below]
                )
                plane[at] += OVER_RELAXATION * (mean + scale[n] * added[at] - plane[at])


@compiled
def _largest_step(
    surface: NDArray[np.float64], pixels: NDArray[np.int32], share: NDArray[np.float64], line: int
) -> float:
    """How far the worst pixel is from the mean of its neighbours."""
    one, below = np.uint32(1), np.uint32(line)
    largest = 0.0
    for c in range(len(surface)):
        plane = surface[c]
        for n in range(len(pixels)):
            at = np.uint32(pixels[n])
            mean = (
                share[n, 0] * plane[at - one]
                + share[n, 1] * plane[at + one]
                + share[n, 2] * plane[at - below]
                + share[n, 3] * plane[at + below]
            )
            largest = max(largest, abs(mean - plane[at]))
    return largest


@compiled
def _gather_residual(
    surface: NDArray[np.float64],
    source: NDArray[np.float64],
    pixels: NDArray[np.int32],
    share: NDArray[np.float64],
    scale: NDArray[np.float64],
    line: int,
    parents: NDArray[np.int32],
    residual: NDArray[np.float64],
) -> None:
    """What the equation misses, summed over the pixels of each coarse pixel."""
    one, below = np.uint32(1), np.uint32(line)
    for c in range(len(surface)):
        plane = surface[c]
        for n in range(len(pixels)):
            at = np.uint32(pixels[n])
            mean = (
                share[n, 0] * plane[at - one]
                + share[n, 1] * plane[at + one]
                + share[n, 2] * plane[at - below]
                + share[n, 3] * plane[at + below]
            )
            if scale[n] > 0:
                residual[c, np.uint32(parents[n, 0])] += (mean - plane[at]) / scale[n] + source[c, at]


@compiled
def _add_coarse(
    coarse: NDArray[np.float64], surface: NDArray[np.float64], pixels: NDArray[np.int32], parents: NDArray[np.int32]
) -> float:
    """Add a coarse surface, bilinear between the centres of its pixels; returns the largest value added."""
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
