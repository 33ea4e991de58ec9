"""Screened Poisson blending: joins carried colours to what surrounds the hole, and smooths only what is doubtful.

The gradients of the colours are kept as far as they are trusted, their values are held loosely, and the image around
the hole is met exactly. The equation is that of `numerics.screened_poisson`.
Source: Bhat et al., Fourier analysis of the 2D screened Poisson equation, ECCV 2008; the confidence is ours.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.holes import hole_boxes
from dfvi_models.numerics.screened_poisson import HOLE, assemble, framed_kinds, framed_planes, relax, unframed

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
    the colours, c their confidences (of a pair of pixels the lower one) and s the screen; u is the frame outside.

    frame      : (H, W, 3) uint8 RGB; hole pixels are not read.
    hole       : (H, W) bool, N pixels.
    colour     : (N, 3) float32, 0..255, row-major; not read where the confidence is 0.
    confidence : (N,) float32, 0..1; 0 = no colour is known: such pixels become as smooth as can be.
    screen     : >= 0; 0 keeps gradients only.
    Returns    : (H, W, 3) uint8; pixels outside the hole are bit-equal to `frame`.
    Raises     : ShapeError if sizes differ.
    """
    count = int(np.count_nonzero(hole))
    if frame.shape != (*hole.shape, 3) or colour.shape != (count, 3) or confidence.shape != (count,):
        raise ShapeError(
            f"expected frame (H, W, 3), hole (H, W), and a colour and a confidence for each of its {count} pixels; "
            f"got {frame.shape}, {hole.shape}, {colour.shape} and {confidence.shape}"
        )
    blended = np.array(frame, np.uint8, order="C")
    colours, confidences = np.zeros(frame.shape, np.float32), np.zeros(hole.shape, np.float32)
    confidences[hole] = confidence
    colours[hole] = np.where(confidence[:, None] > 0, colour, 0)
    for box in hole_boxes(hole, margin=1):
        inside = hole[box]
        surface = _solve(frame[box].astype(np.float32), inside, colours[box], confidences[box], screen)
        blended[box][inside] = np.clip(np.rint(surface[inside]), 0, 255)
    return blended


def _solve(
    image: NDArray[np.float32],
    hole: NDArray[np.bool_],
    colours: NDArray[np.float32],
    confidences: NDArray[np.float32],
    screen: float,
) -> NDArray[np.float32]:
    """Solve on half the size first, and start from there: relaxation alone would take long to cross a large hole."""
    surface = np.where(hole[..., None], colours, image)
    if min(hole.shape) >= SMALLEST:
        small_hole = np.asarray(_blocks(hole).all(axis=-1), np.bool_)
        reached = confidences > 0
        reached_count = np.maximum(_blocks(reached & hole).sum(axis=-1), 1)[..., None]
        known_count = np.maximum(_blocks(~hole).sum(axis=-1), 1)[..., None]
        small_colours = _blocks(np.where(reached[..., None], colours, 0)).sum(axis=-1) / reached_count
        small_image = _blocks(np.where(hole[..., None], 0, image)).sum(axis=-1) / known_count
        small_confidences = _blocks(confidences).mean(axis=-1)
        # A pixel of twice the size: gradients count for as much, values for four times as many pixels.
        small = _solve(
            small_image.astype(np.float32), small_hole, small_colours.astype(np.float32),
            small_confidences.astype(np.float32), 4 * screen,
        )  # fmt: skip
        # A block's mean of the solution, and the carried detail within the block.
        detail = np.where(reached[..., None], colours - _doubled(small_colours, hole), 0)
        surface = np.where(hole[..., None], _doubled(small, hole) + detail, image)
    return _relaxed(surface, hole, colours, confidences, screen)


def _relaxed(
    surface: NDArray[np.float32],
    hole: NDArray[np.bool_],
    colours: NDArray[np.float32],
    confidences: NDArray[np.float32],
    screen: float,
) -> NDArray[np.float32]:
    """Return the surface (H, W, 3) after relaxation on this grid."""
    confidence = framed_planes(confidences[..., None])[0].astype(np.float64)
    screens = screen * confidence / (1.0 + SURE - confidence)
    kind, planes, wanted = framed_kinds(hole), framed_planes(surface), framed_planes(colours)
    equations = assemble(kind, screens.reshape(kind.shape))
    source = np.zeros((len(planes), len(equations.pixels)), np.float32)
    _add_guidance(kind.reshape(-1), equations.pixels, equations.line, wanted, confidence.astype(np.float32), screens,
                  source)  # fmt: skip
    relax(planes, source, equations, over_relaxation=OVER_RELAXATION, sweeps=SWEEPS)
    return unframed(planes, hole.shape)


def _doubled(plane: NDArray[Any], hole: NDArray[np.bool_]) -> NDArray[Any]:
    """Repeat each pixel two by two, and cut off what the hole's odd sides lack."""
    return plane.repeat(2, axis=0).repeat(2, axis=1)[: hole.shape[0], : hole.shape[1]]


def _blocks(plane: NDArray[Any]) -> NDArray[Any]:
    """Return blocks of 2 x 2 pixels along a new last axis; the last row or column stands in for one that is missing."""
    padded = np.pad(plane, [(0, plane.shape[0] % 2), (0, plane.shape[1] % 2)] + [(0, 0)] * (plane.ndim - 2), "edge")
    return np.stack([padded[::2, ::2], padded[::2, 1::2], padded[1::2, ::2], padded[1::2, 1::2]], axis=-1)


@compiled
def _add_guidance(
    kind: NDArray[np.uint8],
    pixels: NDArray[np.int32],
    line: int,
    colours: NDArray[np.float32],
    confidence: NDArray[np.float32],
    screen: NDArray[np.float64],
    source: NDArray[np.float32],
) -> None:
    """Write the source of each hole pixel: the colour it is held to, and the trusted steps to its neighbours."""
    for n in range(len(pixels)):
        at = pixels[n]
        for c in range(len(source)):
            source[c, n] = screen[at] * colours[c, at]
        for near in (at - line, at + line, at - 1, at + 1):
            if kind[near] == HOLE:
                trusted = min(confidence[at], confidence[near])
                for c in range(len(source)):
                    source[c, n] += trusted * (colours[c, at] - colours[c, near])
