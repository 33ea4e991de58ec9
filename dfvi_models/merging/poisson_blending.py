"""Screened Poisson blending: joins carried colours to what surrounds the hole, and smooths only what is doubtful."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.hole_boxes import hole_boxes

SCREEN = 0.3
"""How strongly a colour of even confidence is held, relative to the smoothness of what is added to it."""

SURE = 0.02
"""Confidence 1 holds a colour SCREEN / SURE strongly, not infinitely: seams must still go."""

SWEEPS = 60
OVER_RELAXATION = 1.8
SMALLEST = 16  # pixels: boxes smaller than this are not halved to find where to start


def blend(
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    colour: NDArray[np.float32],
    confidence: NDArray[np.float32],
    *,
    screen: float = SCREEN,
) -> NDArray[np.uint8]:
    """Fill a hole with colours whose gradients are kept as far as they are trusted, joined to what surrounds it.

    Minimises, per channel, sum |grad u - c grad f|^2 + sum s c / (1 + SURE - c) |u - f|^2 over the hole, where f are
    the colours, c their confidences (of a pair of pixels the lower one) and s the screen; u is the picture outside.

    frame      : (H, W, 3) uint8 RGB; hole pixels are not read.
    hole       : (H, W) bool, N pixels.
    colour     : (N, 3) float32, 0..255, row-major; not read where the confidence is 0.
    confidence : (N,) float32, 0..1; 0 = no colour is known: such pixels become as smooth as can be.
    screen     : >= 0; 0 keeps gradients only.
    Returns    : (H, W, 3) uint8; pixels outside the hole are bit-equal to `frame`.
    Raises     : ShapeError if sizes differ.
    Source     : Bhat et al., Fourier analysis of the 2D screened Poisson equation, ECCV 2008; the confidence is ours.
    """
    count = int(np.count_nonzero(hole))
    if frame.shape != (*hole.shape, 3) or colour.shape != (count, 3) or confidence.shape != (count,):
        raise ShapeError(
            f"expected frame (H, W, 3), hole (H, W), and a colour and a confidence for each of its {count} pixels; "
            f"got {frame.shape}, {hole.shape}, {colour.shape} and {confidence.shape}"
        )
    blended = np.array(frame, np.uint8, order="C")
    carried, trust = np.zeros(frame.shape, np.float32), np.zeros(hole.shape, np.float32)
    trust[hole] = confidence
    carried[hole] = np.where(confidence[:, None] > 0, colour, 0)
    for box in hole_boxes(hole, margin=1):
        inside = hole[box]
        surface = _solve(frame[box].astype(np.float32), inside, carried[box], trust[box], screen)
        blended[box][inside] = np.clip(np.rint(surface[inside]), 0, 255)
    return blended


def _solve(
    picture: NDArray[np.float32],
    hole: NDArray[np.bool_],
    carried: NDArray[np.float32],
    trust: NDArray[np.float32],
    screen: float,
) -> NDArray[np.float32]:
    """Solve on half the size first, and start from there: relaxation alone would take long to cross a large hole."""
    surface = np.where(hole[..., None], carried, picture)
    if min(hole.shape) >= SMALLEST:
        small_hole = np.asarray(_blocks(hole).all(axis=-1), np.bool_)
        reached = trust > 0
        share = np.maximum(_blocks(reached & hole).sum(axis=-1), 1)[..., None]
        known = np.maximum(_blocks(~hole).sum(axis=-1), 1)[..., None]
        small_carried = _blocks(np.where(reached[..., None], carried, 0)).sum(axis=-1) / share
        small_picture = _blocks(np.where(hole[..., None], 0, picture)).sum(axis=-1) / known
        small_trust = _blocks(trust).mean(axis=-1)
        # A pixel of twice the size: gradients count for as much, values for four times as many pixels.
        small = _solve(
            small_picture.astype(np.float32), small_hole, small_carried.astype(np.float32),
            small_trust.astype(np.float32), 4 * screen,
        )  # fmt: skip
        # A block's mean of the solution, and the carried detail within the block.
        detail = np.where(reached[..., None], carried - _doubled(small_carried, hole), 0)
        surface = np.where(hole[..., None], _doubled(small, hole) + detail, picture)
    surface = np.ascontiguousarray(surface, np.float32)
    _relax(surface, hole, np.ascontiguousarray(carried), np.ascontiguousarray(trust), float(screen))
    return surface


def _doubled(plane: NDArray[Any], hole: NDArray[np.bool_]) -> NDArray[Any]:
    return plane.repeat(2, axis=0).repeat(2, axis=1)[: hole.shape[0], : hole.shape[1]]


def _blocks(plane: NDArray[Any]) -> NDArray[Any]:
    """Blocks of 2 x 2 pixels along a new last axis; the last row or column stands in for one that is missing."""
    padded = np.pad(plane, [(0, plane.shape[0] % 2), (0, plane.shape[1] % 2)] + [(0, 0)] * (plane.ndim - 2), "edge")
    return np.stack([padded[::2, ::2], padded[::2, 1::2], padded[1::2, ::2], padded[1::2, 1::2]], axis=-1)


@compiled
def _relax(
    surface: NDArray[np.float32],
    hole: NDArray[np.bool_],
    carried: NDArray[np.float32],
    trust: NDArray[np.float32],
    screen: float,
) -> None:
    """Gauss-Seidel with over-relaxation, in chessboard order, on the hole's pixels."""
    height, width = hole.shape
    count = 0
    for y in range(height):
        for x in range(width):
            count += hole[y, x]
    place = np.empty((count, 2), np.int32)
    right, scale = np.zeros((count, 3), np.float32), np.zeros(count, np.float32)
    n = 0
    for board in range(2):
        for y in range(height):
            for x in range((y + board) % 2, width, 2):
                if not hole[y, x]:
                    continue
                place[n, 0], place[n, 1] = y, x
                sure = trust[y, x]
                hold = screen * sure / (1.0 + SURE - sure)
                total = hold
                for c in range(3):
                    right[n, c] = hold * carried[y, x, c]
                for k in range(4):
                    j, i = y + (-1, 1, 0, 0)[k], x + (0, 0, -1, 1)[k]
                    if j < 0 or i < 0 or j >= height or i >= width:
                        continue
                    total += 1.0
                    if hole[j, i]:
                        both_sure = min(sure, trust[j, i])
                        for c in range(3):
                            right[n, c] += both_sure * (carried[y, x, c] - carried[j, i, c])
                scale[n] = 1.0 / total if total > 0 else 0.0
                n += 1
    for _ in range(SWEEPS):
        for n in range(count):
            y, x = place[n, 0], place[n, 1]
            for c in range(3):
                total = right[n, c]
                if y > 0:
                    total += surface[y - 1, x, c]
                if y < height - 1:
                    total += surface[y + 1, x, c]
                if x > 0:
                    total += surface[y, x - 1, c]
                if x < width - 1:
                    total += surface[y, x + 1, c]
                surface[y, x, c] += OVER_RELAXATION * (total * scale[n] - surface[y, x, c])
