"""One colour for each hole pixel from several registered frames, and what speaks for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled
from dfvi_models.registration.evidence import ADDED, BLOCK, FLOW_ERROR, RESIDUAL, SHIFT, Evidence, Surroundings
from dfvi_models.registration.homography import Homography, to_larger_grid
from dfvi_models.types import NO_SOURCE

FUSED = 8
"""Registered frames fused at a pixel: those with the least predicted error. More bring nothing but time."""

SHARPNESS = 1.5
"""Weight of a frame: exp(-SHARPNESS * (its predicted log error - the least))."""

COLOUR_SCALE = 12.0  # grey levels: frames whose colour lies farther from the others count little
MEDOID_CUT = 30.0  # grey levels: from here on, wrong is wrong
AGREES = 8.0  # grey levels
UNREACHED = np.float32(np.inf)


@dataclass(frozen=True)
class ErrorModel:
    """Predicted log squared error of a registered colour, in grey levels squared.

    Fitted on holes in natural clips, none of them an evaluation clip.
    """

    offset: float = 1.4
    residual: float = 1.25
    """Per e-fold of 1 + the detail around the hole that does not match, grey levels."""
    added: float = 0.375
    """Per e-fold of 1 + what had to be added to meet the rim, grey levels."""


@dataclass(frozen=True)
class Candidate:
    """One frame registered to the frame with the hole, by one plane."""

    frame: int
    homography: Homography
    """On the working grid, from the frame with the hole."""
    evidence: Evidence
    log_error: NDArray[np.float32]
    """(h / BLOCK, w / BLOCK) predicted, see `ErrorModel`."""


@dataclass(frozen=True)
class DistantColours:
    """What registered frames say about the N pixels of a hole, in row-major order."""

    colour: NDArray[np.float32]
    """(N, 3) RGB, 0..255; 0 where no frame shows the pixel."""
    source: NDArray[np.int32]
    """(N,) the frame that counted most; NO_SOURCE where there is none."""
    agreement: NDArray[np.float32]
    """(N,) sum of exp(-predicted log error / 2) over the frames within AGREES grey levels of the colour."""
    shift: NDArray[np.float32]
    """(N,) flow left after registration in the frame in the middle of the others, working pixels."""
    flow_error: NDArray[np.float32]
    """(N,) of the same frame, working pixels; see `Evidence.squares`."""


SIGNS = ("agreement", "shift", "flow_error")
"""Fields of `DistantColours` in the order in which `_fuse` fills them."""


def predicted_log_error(evidence: Evidence, model: ErrorModel) -> NDArray[np.float32]:
    """Return the predicted log squared error on squares (h / BLOCK, w / BLOCK)."""
    residual, added = (np.log1p(np.maximum(evidence.squares[..., k], 0)) for k in (RESIDUAL, ADDED))
    return np.asarray(model.offset + model.residual * residual + model.added * added, np.float32)


def fuse_candidates(
    candidates: Sequence[Candidate],
    frames: Sequence[NDArray[np.uint8]],
    unseen: Sequence[NDArray[np.bool_]],
    pixels: NDArray[np.int64],
    around: Surroundings,
    size: tuple[int, int],
) -> DistantColours:
    """Sample each registered frame once at every hole pixel, and fuse what they show.

    candidates : K of them.
    frames     : K of (H, W, 3) uint8, at full size.
    unseen     : K of (H, W) bool, where these show nothing: their holes and what mixes with them.
    pixels     : (N,) flat numbers of the hole's pixels.
    around     : of the frame with the hole.
    size       : height and width of the working grid.
    """
    count, most = len(pixels), len(candidates)
    colours, log_errors = np.zeros((most, count, 3), np.uint8), np.full((most, count), UNREACHED, np.float32)
    height, width = frames[0].shape[:2] if frames else (1, 1)
    grid = _grid(around, (height, width), size)
    for k, one in enumerate(candidates):
        pull = to_larger_grid(one.homography, size, (height, width))
        evidence = (one.evidence.squares, one.log_error)
        _sample(frames[k], unseen[k], pull, pixels, *evidence, grid, colours[k], log_errors[k])
    result = no_colours(count)
    if most:
        squares = np.stack([one.evidence.squares for one in candidates])
        numbers = np.array([one.frame for one in candidates], np.int32)
        signs = np.zeros((count, len(SIGNS)), np.float32)
        _fuse(colours, log_errors, numbers, squares, pixels, width, grid, result.colour, result.source, signs)
        for column, name in enumerate(SIGNS):
            getattr(result, name)[:] = signs[:, column]
    return result


def no_colours(count: int) -> DistantColours:
    """Return what no frame says about `count` pixels."""
    signs = {name: np.zeros(count, np.float32) for name in SIGNS}
    return DistantColours(np.zeros((count, 3), np.float32), np.full(count, NO_SOURCE, np.int32), **signs)


def _grid(around: Surroundings, frame: tuple[int, int], size: tuple[int, int]) -> NDArray[np.float64]:
    """Where a pixel of the frame lies on the squares: y start and step, x start and step; 0 is a square's centre."""
    steps = [working / full for working, full in zip(size, frame, strict=True)]
    starts = [step / 2 - at for step, at in zip(steps, (around.top, around.left), strict=True)]
    (top, left), (down, right) = ([value / BLOCK for value in values] for values in (starts, steps))
    return np.array([top - 0.5, down, left - 0.5, right], np.float64)


@compiled
def _sample(
    frame: NDArray[np.uint8],
    unseen: NDArray[np.bool_],
    pull: NDArray[np.float64],
    pixels: NDArray[np.int64],
    squares: NDArray[np.float32],
    log_error: NDArray[np.float32],
    grid: NDArray[np.float64],
    colour: NDArray[np.uint8],
    error: NDArray[np.float32],
) -> None:
    """Fill colours (N, 3) of one frame, exposure matched, and their predicted log errors (N,); others stay as is."""
    height, width = unseen.shape
    rows, columns = log_error.shape
    for n in range(len(pixels)):
        y, x = divmod(pixels[n], width)
        third = pull[2, 0] * x + pull[2, 1] * y + pull[2, 2]
        if not third > 1e-9:
            continue
        to_x = (pull[0, 0] * x + pull[0, 1] * y + pull[0, 2]) / third
        to_y = (pull[1, 0] * x + pull[1, 1] * y + pull[1, 2]) / third
        if not (0.0 <= to_y <= height - 1.0 and 0.0 <= to_x <= width - 1.0):
            continue
        top, left = min(int(to_y), height - 2), min(int(to_x), width - 2)
        if top < 0 or left < 0:
            continue
        if unseen[top, left] or unseen[top, left + 1] or unseen[top + 1, left] or unseen[top + 1, left + 1]:
            continue
        down, right = to_y - top, to_x - left
        square_y = min(max(grid[0] + grid[1] * y, 0.0), rows - 1.0)
        square_x = min(max(grid[2] + grid[3] * x, 0.0), columns - 1.0)
        j, i = min(int(square_y), max(rows - 2, 0)), min(int(square_x), max(columns - 2, 0))
        j1, i1 = min(j + 1, rows - 1), min(i + 1, columns - 1)
        b, a = square_y - j, square_x - i
        w00, w01, w10, w11 = (1 - b) * (1 - a), (1 - b) * a, b * (1 - a), b * a
        for c in range(3):
            value = (1 - down) * ((1 - right) * frame[top, left, c] + right * frame[top, left + 1, c])
            value += down * ((1 - right) * frame[top + 1, left, c] + right * frame[top + 1, left + 1, c])
            value += (
                w00 * squares[j, i, c] + w01 * squares[j, i1, c] + w10 * squares[j1, i, c] + w11 * squares[j1, i1, c]
            )
            colour[n, c] = np.uint8(min(max(value, 0.0), 255.0) + 0.5)
        error[n] = w00 * log_error[j, i] + w01 * log_error[j, i1] + w10 * log_error[j1, i] + w11 * log_error[j1, i1]


@compiled
def _fuse(
    colours: NDArray[np.uint8],
    errors: NDArray[np.float32],
    frames: NDArray[np.int32],
    squares: NDArray[np.float32],
    pixels: NDArray[np.int64],
    width: int,
    grid: NDArray[np.float64],
    colour: NDArray[np.float32],
    source: NDArray[np.int32],
    signs: NDArray[np.float32],
) -> None:
    """Weighted medoid, then a robust mean that starts there; see `DistantColours`."""
    rows, columns = squares.shape[1], squares.shape[2]
    best = np.zeros(FUSED, np.int32)
    weight, final, mean = np.zeros(FUSED), np.zeros(FUSED), np.zeros(3)
    for n in range(len(pixels)):
        # the FUSED candidates with the least predicted error, in ascending order
        held = 0
        for k in range(len(frames)):
            if errors[k, n] == np.inf:
                continue
            if held == FUSED and errors[k, n] >= errors[best[held - 1], n]:
                continue
            at = held if held < FUSED else FUSED - 1
            while at > 0 and errors[best[at - 1], n] > errors[k, n]:
                best[at] = best[at - 1]
                at -= 1
            best[at] = k
            held = min(held + 1, FUSED)
        if held == 0:
            continue
        least, total = errors[best[0], n], 0.0
        for k in range(held):
            weight[k] = np.exp(-SHARPNESS * (errors[best[k], n] - least))
            total += weight[k]
        medoid, medoid_cost = 0, np.inf
        for k in range(held):
            cost = 0.0
            for j in range(held):
                apart = 0.0
                for c in range(3):
                    apart += abs(float(colours[best[k], n, c]) - float(colours[best[j], n, c])) / 3.0
                cost += weight[j] * min(apart, MEDOID_CUT)
            cost = cost / total + 0.3 * np.exp(0.5 * errors[best[k], n])
            if cost < medoid_cost:
                medoid, medoid_cost = k, cost
        for c in range(3):
            mean[c] = colours[best[medoid], n, c]
        for _ in range(2):
            red, green, blue, robust = 0.0, 0.0, 0.0, 0.0
            for k in range(held):
                apart = 0.0
                for c in range(3):
                    apart += (colours[best[k], n, c] - mean[c]) ** 2 / 3.0
                final[k] = weight[k] * (1.0 + apart / COLOUR_SCALE**2) ** -2
                robust += final[k]
                red += final[k] * colours[best[k], n, 0]
                green += final[k] * colours[best[k], n, 1]
                blue += final[k] * colours[best[k], n, 2]
            mean[0], mean[1], mean[2] = red / robust, green / robust, blue / robust
        heaviest, agreement = 0, 0.0
        for k in range(held):
            if final[k] > final[heaviest]:
                heaviest = k
            apart = 0.0
            for c in range(3):
                apart += abs(colours[best[k], n, c] - mean[c]) / 3.0
            if apart < AGREES:
                agreement += np.exp(-0.5 * errors[best[k], n])
        for c in range(3):
            colour[n, c] = mean[c]
        source[n] = frames[best[heaviest]]
        signs[n, 0] = agreement
        y, x = divmod(pixels[n], width)
        j = int(min(max(grid[0] + grid[1] * y + 0.5, 0.0), rows - 1.0))
        i = int(min(max(grid[2] + grid[3] * x + 0.5, 0.0), columns - 1.0))
        signs[n, 1], signs[n, 2] = squares[best[medoid], j, i, SHIFT], squares[best[medoid], j, i, FLOW_ERROR]
