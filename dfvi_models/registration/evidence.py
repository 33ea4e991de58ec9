"""What speaks for a registered frame: how well it meets the picture around the hole, continued into the hole.

All of it varies slowly, so it is measured on squares of BLOCK working pixels: that is what makes it cheap.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.registration.homography import Homography, moved_to_box
from dfvi_models.registration.planes import aligned_flow
from dfvi_models.registration.views import View

BLOCK = 4
"""Working pixels of a square's side."""

MARGIN = 32
"""Working pixels around the hole in which a registered frame is compared."""

RIM = 14
"""Working pixels around the hole that must show something in both frames."""

FEWEST_RIM = 60
SMALLEST_SHARE = 0.03  # of the hole that a frame must show to be worth looking at
LARGEST_DIFFERENCE = 40.0  # grey levels: what exposure may explain; more is another thing
LARGEST_RESIDUAL = 60.0  # grey levels
LARGEST_SHIFT = 12.0  # working pixels
LARGEST_FLOW_ERROR = 4.0  # working pixels
FLOW_AGREES = 1.0  # working pixels of forward-backward error: from here on a shift says nothing
FLOW_REACH = 3  # working pixels around what is unknown that flow sees it from
KNOWN_SHARE = 0.25  # of a square that must be known on both sides
TOLERANCE = 0.3  # of grey levels and pixels alike

RED, GREEN, BLUE, RESIDUAL, FLOW_ERROR, ADDED, SHIFT = range(7)
"""Channels of `Evidence.squares`."""


@dataclass(frozen=True)
class Surroundings:
    """A hole and what lies around it, at the working size: what every other frame is compared with."""

    top: int
    """Of the box, in working pixels."""
    left: int
    colour: NDArray[np.float32]
    """(h, w, 3) of the box; its sides are multiples of BLOCK."""
    grey: NDArray[np.uint8]
    """(h, w), smooth in the hole."""
    hole: NDArray[np.bool_]
    """(h, w)."""
    unseen: NDArray[np.bool_]
    """(h, w): the hole and what mixes with it."""
    rim: NDArray[np.bool_]
    """(h, w): RIM pixels around it."""


@dataclass(frozen=True)
class Evidence:
    """How one registered frame meets the surroundings of the hole."""

    squares: NDArray[np.float32]
    """(h / BLOCK, w / BLOCK, 7), harmonic inside the hole: RED, GREEN, BLUE to add to its colours so that they meet
    the rim; RESIDUAL of detail left then, grey levels; FLOW_ERROR, forward-backward, and SHIFT, the length where it is
    sure, of the flow still left, working pixels; ADDED, the mean size of what is added."""


def surroundings(view: View) -> Surroundings:
    """Return the box around the hole of a view that has one."""
    height, width = view.hole.shape
    rows, columns = np.flatnonzero(view.hole.any(axis=1)), np.flatnonzero(view.hole.any(axis=0))
    top, left = max(int(rows[0]) - MARGIN, 0), max(int(columns[0]) - MARGIN, 0)
    high, wide = min(int(rows[-1]) + MARGIN + 1, height) - top, min(int(columns[-1]) + MARGIN + 1, width) - left
    more = ((0, -high % BLOCK), (0, -wide % BLOCK))

    box = (slice(top, top + high), slice(left, left + wide))
    hole = np.pad(view.hole[box], more)
    unseen = np.pad(view.unseen[box], more, constant_values=True)
    colour = np.pad(view.colour[box], (*more, (0, 0)), mode="edge").astype(np.float32)
    grey = np.pad(view.grey[box], more, mode="edge")
    near = cv2.dilate(hole.view(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8)).view(np.bool_)
    return Surroundings(top, left, colour, grey, hole, unseen, near & ~unseen)


def gather_evidence(around: Surroundings, view: View, homography: Homography) -> Evidence | None:
    """Compare a registered frame with what surrounds the hole.

    view       : of the registered frame.
    homography : from the frame with the hole to it, on the working grid.
    Returns    : Evidence; None where it shows too little of the hole or of its rim.
    """
    height, width = around.hole.shape
    pull = moved_to_box(homography, around.top, around.left)
    nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    unseen = cv2.warpPerspective(view.unseen.view(np.uint8), pull, (width, height), flags=nearest, borderValue=1) > 0
    shown = np.count_nonzero(around.hole & ~unseen)
    if shown < SMALLEST_SHARE * np.count_nonzero(around.hole):
        return None
    if np.count_nonzero(around.rim & ~unseen) < FEWEST_RIM:
        return None
    linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    colour = cv2.warpPerspective(view.colour, pull, (width, height), flags=linear, borderMode=edge)
    grey = cv2.warpPerspective(view.grey, pull, (width, height), flags=linear, borderMode=edge)
    known = ~(around.unseen | unseen)
    # Where one of them shows nothing both are alike, or flow would follow the difference, far beyond that place.
    other = np.where(known, _like(np.asarray(grey, np.uint8), around.grey, known), around.grey)
    flow, error = aligned_flow(around.grey, other)
    sure = _shrunk(known, FLOW_REACH) & (error < FLOW_AGREES)
    squares, measured = _measure(around.colour, np.ascontiguousarray(colour), known, error)
    shift, followed = _shift(flow, sure)
    squares, shift = (
        fill_smooth(values, ~there, tolerance=TOLERANCE) for values, there in ((squares, measured), (shift, followed))
    )
    if not followed.any():
        shift[:] = LARGEST_SHIFT
    return Evidence(np.concatenate([squares, shift], axis=-1))


def _shrunk(known: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    return np.asarray(~dilate_by_disc(~known, radius), np.bool_)


def _like(grey: NDArray[np.uint8], other: NDArray[np.uint8], known: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A picture with the mean and spread of another one, as both are known; flow must not follow exposure."""
    inside = known.view(np.uint8)
    (own, own_spread), (wanted, spread) = (
        (float(number[0, 0]) for number in cv2.meanStdDev(picture, mask=inside)) for picture in (grey, other)
    )
    gain = np.clip(spread / max(own_spread, 1.0), 0.7, 1.4)
    levels = (np.arange(256, dtype=np.float32) - own) * gain + wanted
    return np.asarray(cv2.LUT(grey, np.clip(np.rint(levels), 0, 255).astype(np.uint8)), np.uint8)


@compiled
def _measure(
    colour: NDArray[np.float32],
    other: NDArray[np.uint8],
    known: NDArray[np.bool_],
    error: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the evidence on squares (all of `Evidence.squares` but SHIFT; 0 where unknown), and where it is known."""
    rows, columns = known.shape[0] // BLOCK, known.shape[1] // BLOCK
    total, count = np.zeros((rows, columns, 4), np.float32), np.zeros((rows, columns), np.float32)
    for y in range(rows * BLOCK):
        for x in range(columns * BLOCK):
            j, i = y // BLOCK, x // BLOCK
            if not known[y, x]:
                continue
            count[j, i] += 1.0
            for c in range(3):
                apart = colour[y, x, c] - other[y, x, c]
                total[j, i, c] += min(max(apart, -LARGEST_DIFFERENCE), LARGEST_DIFFERENCE)
            total[j, i, 3] += min(error[y, x], LARGEST_FLOW_ERROR)
    squares, fit = np.zeros((rows, columns, 6), np.float32), np.zeros((rows, columns), np.bool_)
    for j in range(rows):
        for i in range(columns):
            if count[j, i] < KNOWN_SHARE * BLOCK * BLOCK:
                continue
            fit[j, i] = True
            weight = np.float32(0)
            sums = np.zeros(4, np.float32)
            for b in range(max(j - 1, 0), min(j + 2, rows)):
                for a in range(max(i - 1, 0), min(i + 2, columns)):
                    weight += count[b, a]
                    for c in range(4):
                        sums[c] += total[b, a, c]
            for c in range(3):
                squares[j, i, c] = sums[c] / weight
                squares[j, i, 5] += abs(squares[j, i, c]) / 3.0
            squares[j, i, 4] = sums[3] / weight
    residual = np.zeros((rows, columns), np.float32)
    for y in range(rows * BLOCK):
        for x in range(columns * BLOCK):
            j, i = y // BLOCK, x // BLOCK
            if known[y, x] and fit[j, i]:
                missed = np.float32(0)
                for c in range(3):
                    missed += abs(colour[y, x, c] - other[y, x, c] - squares[j, i, c]) / 3.0
                residual[j, i] += min(missed, LARGEST_RESIDUAL)
    for j in range(rows):
        for i in range(columns):
            if fit[j, i]:
                missed, weight = np.float32(0), np.float32(0)
                for b in range(max(j - 1, 0), min(j + 2, rows)):
                    for a in range(max(i - 1, 0), min(i + 2, columns)):
                        if fit[b, a]:
                            missed += residual[b, a]
                            weight += count[b, a]
                squares[j, i, 3] = missed / weight
    return squares, fit


@compiled
def _shift(flow: NDArray[np.float32], sure: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the mean length of flow on squares (h / BLOCK, w / BLOCK, 1), and where enough of it is sure."""
    rows, columns = sure.shape[0] // BLOCK, sure.shape[1] // BLOCK
    shift, followed = np.zeros((rows, columns, 1), np.float32), np.zeros((rows, columns), np.bool_)
    for j in range(rows):
        for i in range(columns):
            total, count = np.float32(0), 0
            for y in range(j * BLOCK, (j + 1) * BLOCK):
                for x in range(i * BLOCK, (i + 1) * BLOCK):
                    if sure[y, x]:
                        total += min(np.sqrt(flow[y, x, 0] ** 2 + flow[y, x, 1] ** 2), LARGEST_SHIFT)
                        count += 1
            if count >= KNOWN_SHARE * BLOCK * BLOCK:
                followed[j, i] = True
                shift[j, i, 0] = total / count
    return shift, followed
