"""Trajectory ends: where each hole pixel is visible, as a sub-pixel position in another frame. One step at a time.

The trajectory of a hole pixel follows the completed flow from frame to frame, against the direction of the sweep, until
it comes to a known pixel. Its end is found in one step from the ends that are known in the previous frame of the sweep:
the pixel steps there, and takes over the end of the place it steps onto, shifted by the same offset.
Source: own; the forward-backward check of each step is the paper's (arXiv:1905.02884, section 3.3).
"""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.bilinear import bilinear_corners, bilinear_vector
from dfvi_models.numerics.compiled import compiled, inlined
from dfvi_models.types import NO_SOURCE

SAME_PATH = 1.0
"""Neighbouring ends are interpolated if they differ by no more than this from moving alike, in pixels per axis."""

SNAP_WEIGHT = 0.5
"""A place between known pixels and hole pixels without an end counts as known from this bilinear weight on."""

TrajectoryEnds = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""Of N hole pixels: source (K, N) frame number or NO_SOURCE, place (K, N, 2) x and y in it, error (K, N)."""

SweptFrame = tuple[int, NDArray[np.bool_], NDArray[np.int32], TrajectoryEnds]
"""A frame that the sweep has passed: its number, hole, rank of each hole pixel (-1 outside), and ends."""


def no_ends(count: int, pixels: int) -> TrajectoryEnds:
    """Return room for `count` ends of each of some pixels, none of them found yet."""
    return (
        np.full((count, pixels), NO_SOURCE, np.int32),
        np.zeros((count, pixels, 2), np.float32),
        np.zeros((count, pixels), np.float32),
    )


@inlined
def _step(
    y: float, x: float, flow_to_previous: NDArray[np.float32], flow_from_previous: NDArray[np.float32]
) -> tuple[float, float, float]:
    """Return where a place moves to, y and x, and its squared forward-backward error; inf if it leaves the frame."""
    dx, dy = bilinear_vector(flow_to_previous, y, x)
    to_y, to_x = y + dy, x + dx
    # Written so that NaN fails: it lies in no range.
    if not (0.0 <= to_y <= flow_to_previous.shape[0] - 1.0 and 0.0 <= to_x <= flow_to_previous.shape[1] - 1.0):
        return 0.0, 0.0, np.inf
    back_x, back_y = bilinear_vector(flow_from_previous, to_y, to_x)
    off_y, off_x = dy + back_y, dx + back_x
    return to_y, to_x, off_y * off_y + off_x * off_x


@inlined
def _end_at(y: float, x: float, t: int, max_steps: int, swept: SweptFrame, k: int) -> tuple[int, float, float, float]:
    """Return the k-th end of a trajectory of frame t that goes on from a place in a swept frame.

    Returns : frame number or NO_SOURCE, y and x in that frame, error.
    """
    number, hole, rank, (source, place, error) = swept
    rows, columns, weights = bilinear_corners(y, x, hole.shape[0], hole.shape[1])
    known, best, best_weight, best_known, best_known_weight = 0.0, -1, 0.0, -1, 0.0
    for i in range(4):
        if weights[i] <= 0.0:
            continue
        n = rank[rows[i], columns[i]]
        if n < 0:
            known += weights[i]
            if weights[i] > best_known_weight:
                best_known, best_known_weight = i, weights[i]
        elif weights[i] > best_weight and source[k, n] >= 0 and abs(t - source[k, n]) <= max_steps:
            best, best_weight = i, weights[i]
    if known > 1.0 - 1e-6:
        return number, y, x, 0.0
    if best < 0:
        if k == 0 and known >= SNAP_WEIGHT:
            return number, float(rows[best_known]), float(columns[best_known]), 0.0
        return NO_SOURCE, 0.0, 0.0, 0.0
    n = rank[rows[best], columns[best]]
    origin = source[k, n]
    move_x, move_y = place[k, n, 0] - columns[best], place[k, n, 1] - rows[best]
    total, sum_x, sum_y, sum_error = 0.0, 0.0, 0.0, 0.0
    for i in range(4):
        n = rank[rows[i], columns[i]]
        if n < 0 or weights[i] <= 0.0 or source[k, n] != origin:
            continue
        x_i, y_i = place[k, n, 0] - columns[i], place[k, n, 1] - rows[i]
        if abs(x_i - move_x) > SAME_PATH or abs(y_i - move_y) > SAME_PATH:
            continue
        total += weights[i]
        sum_x += weights[i] * x_i
        sum_y += weights[i] * y_i
        sum_error += weights[i] * error[k, n]
    # Interpolated ends may lie a little outside the frame.
    end_y = min(max(y + sum_y / total, 0.0), hole.shape[0] - 1.0)
    end_x = min(max(x + sum_x / total, 0.0), hole.shape[1] - 1.0)
    return origin, end_y, end_x, sum_error / total


@compiled
def step_ends(
    pixels: NDArray[np.int64],
    t: int,
    limit: float,
    max_steps: int,
    flow_to_previous: NDArray[np.float32],
    flow_from_previous: NDArray[np.float32],
    previous: SweptFrame,
    previous_flow_to_its_previous: NDArray[np.float32],
    previous_flow_from_its_previous: NDArray[np.float32],
    before_previous: SweptFrame,
    result: TrajectoryEnds,
) -> None:
    """Find the ends of all hole pixels of frame t from those of the previous frame in sweep order.

    pixels          : (N,) flat indices (y * W + x) of the hole pixels.
    t               : number of the frame.
    limit           : largest squared forward-backward error of a step, square pixels.
    max_steps       : longest trajectory, frames.
    flow_to_previous, flow_from_previous : (H, W, 2) float32, pixels, between frame t and the previous one.
    previous        : that frame.
    previous_flow_to_its_previous, previous_flow_from_its_previous : the same flows one frame further; empty at the
                      start of the sweep.
    before_previous : the frame before the previous one.
    result          : filled in place.
    """
    number = previous[0]
    source, place, error = result
    width = flow_to_previous.shape[1]
    for n in range(len(pixels)):
        at_y, at_x = divmod(pixels[n], width)
        to_y, to_x, squared_error = _step(float(at_y), float(at_x), flow_to_previous, flow_from_previous)
        if not squared_error <= limit:
            continue
        step_error = np.sqrt(squared_error)
        for k in range(len(source)):
            origin, y, x, carried_error = _end_at(to_y, to_x, t, max_steps, previous, k)
            if k == 1 and source[0, n] == number:  # the first end is one step away: the second lies a step further
                origin = NO_SOURCE
                if previous_flow_to_its_previous.shape[0] > 0:
                    first_y, first_x = float(place[0, n, 1]), float(place[0, n, 0])
                    far_y, far_x, far_squared_error = _step(
                        first_y, first_x, previous_flow_to_its_previous, previous_flow_from_its_previous
                    )
                    if far_squared_error <= limit:
                        origin, y, x, carried_error = _end_at(far_y, far_x, t, max_steps, before_previous, 0)
                        carried_error += np.sqrt(far_squared_error)
            if origin >= 0 and abs(t - origin) <= max_steps:
                source[k, n], error[k, n] = origin, carried_error + step_error
                place[k, n, 0], place[k, n, 1] = x, y


@compiled
def sample_colours(
    number: int,
    place: NDArray[np.float32],
    image: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    image_invented: NDArray[np.bool_],
    colour: NDArray[np.uint8],
    source: NDArray[np.int32],
    invented: NDArray[np.bool_],
) -> None:
    """Sample the colours of the ends that lie in one frame, bilinear over its known pixels.

    number   : the frame.
    place    : (K, N, 2) float32, x and y.
    image    : (H, W, 3) uint8, the frame; hole : (H, W) bool.
    image_invented : (H, W) bool, colours that an inpainter made; empty where there are none.
    colour   : (K, N, 3) uint8, filled in place.
    source   : (K, N); NO_SOURCE is written where an end has no known pixel around it.
    invented : (K, N) bool, filled in place from the pixel that counts most.
    """
    for k in range(len(source)):
        for n in range(source.shape[1]):
            if source[k, n] != number:
                continue
            rows, columns, weights = bilinear_corners(
                float(place[k, n, 1]), float(place[k, n, 0]), hole.shape[0], hole.shape[1]
            )
            total, red, green, blue, best = 0.0, 0.0, 0.0, 0.0, 0.0
            for i in range(4):
                if weights[i] <= 0.0 or hole[rows[i], columns[i]]:
                    continue
                total += weights[i]
                red += weights[i] * image[rows[i], columns[i], 0]
                green += weights[i] * image[rows[i], columns[i], 1]
                blue += weights[i] * image[rows[i], columns[i], 2]
                if weights[i] > best and len(image_invented) > 0:
                    best = weights[i]
                    invented[k, n] = image_invented[rows[i], columns[i]]
            if total <= 0.0:
                source[k, n] = NO_SOURCE
                continue
            colour[k, n, 0] = int(red / total + 0.5)
            colour[k, n, 1] = int(green / total + 0.5)
            colour[k, n, 2] = int(blue / total + 0.5)
