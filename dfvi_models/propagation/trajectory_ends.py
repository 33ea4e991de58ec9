"""Trajectory ends: where each hole pixel is seen, as a sub-pixel position in another frame. One step at a time."""

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from dfvi_models.numerics.compiled import compiled
from dfvi_models.types import NO_SOURCE

SAME_PATH = 1.0
"""Neighbouring ends are interpolated if they differ by no more than this from moving alike, in pixels per axis."""

SNAP_WEIGHT = 0.5
"""A place between known pixels and hole pixels without a path counts as known from this bilinear share on."""

TrajectoryEnds = tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]
"""Of N hole pixels: source (K, N) frame number or NO_SOURCE, place (K, N, 2) x and y in it, error (K, N)."""

Arrived = tuple[int, NDArray[np.bool_], NDArray[np.int32], TrajectoryEnds]
"""What a compiled step asks a frame: its number, hole, rank of each hole pixel, and ends."""


def no_ends(count: int, pixels: int) -> TrajectoryEnds:
    """Room for `count` ends of each of some pixels, none of them found yet."""
    return (
        np.full((count, pixels), NO_SOURCE, np.int32),
        np.zeros((count, pixels, 2), np.float32),
        np.zeros((count, pixels), np.float32),
    )


@register_jitable
def _bilinear(field: NDArray[np.float32], y: float, x: float) -> tuple[float, float]:
    """Value of a (H, W, 2) field at a place inside it."""
    top, left = int(y), int(x)
    bottom, right = min(top + 1, field.shape[0] - 1), min(left + 1, field.shape[1] - 1)
    dy, dx = y - top, x - left
    weights = ((1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx)
    rows, columns = (top, top, bottom, bottom), (left, right, left, right)
    along_x, along_y = 0.0, 0.0
    for i in range(4):
        along_x += weights[i] * field[rows[i], columns[i], 0]
        along_y += weights[i] * field[rows[i], columns[i], 1]
    return along_x, along_y


@register_jitable
def _step(y: float, x: float, there: NDArray[np.float32], back: NDArray[np.float32]) -> tuple[float, float, float]:
    """Where a place moves to, and the squared forward-backward error; error inf if it leaves the frame."""
    there_x, there_y = _bilinear(there, y, x)
    to_y, to_x = y + there_y, x + there_x
    # Written so that NaN fails: it lies in no range.
    if not (0.0 <= to_y <= there.shape[0] - 1.0 and 0.0 <= to_x <= there.shape[1] - 1.0):
        return 0.0, 0.0, np.inf
    back_x, back_y = _bilinear(back, to_y, to_x)
    off_y, off_x = there_y + back_y, there_x + back_x
    return to_y, to_x, off_y * off_y + off_x * off_x


@register_jitable
def _end_at(y: float, x: float, t: int, max_steps: int, arrived: Arrived, k: int) -> tuple[int, float, float, float]:
    """k-th end of the path that continues from a place in the frame `arrived`: source, y, x, error."""
    number, hole, rank, (source, place, error) = arrived
    top, left = int(y), int(x)
    bottom, right = min(top + 1, hole.shape[0] - 1), min(left + 1, hole.shape[1] - 1)
    dy, dx = y - top, x - left
    rows, columns = (top, top, bottom, bottom), (left, right, left, right)
    weights = ((1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx)
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
    there: NDArray[np.float32],
    back: NDArray[np.float32],
    before: Arrived,
    further_there: NDArray[np.float32],
    further_back: NDArray[np.float32],
    beyond: Arrived,
    result: TrajectoryEnds,
) -> None:
    """Find the ends of all hole pixels of frame t from those of the frame before it in sweep order.

    pixels        : (N,) flat numbers (y * W + x) of the hole pixels.
    t             : number of the frame.
    limit         : largest squared forward-backward error of a step, square pixels.
    max_steps     : longest path, frames.
    there, back   : (H, W, 2) float32, pixels: flow to the frame before and back.
    before        : what is known of that frame.
    further_there : the same flows one frame further, empty at the start of the sweep; and `further_back`.
    beyond        : what is known of the frame before that.
    result        : filled in place.
    """
    number = before[0]
    source, place, error = result
    width = there.shape[1]
    for n in range(len(pixels)):
        at_y, at_x = divmod(pixels[n], width)
        to_y, to_x, miss = _step(float(at_y), float(at_x), there, back)
        if not miss <= limit:
            continue
        step_error = np.sqrt(miss)
        for k in range(len(source)):
            origin, y, x, carried = _end_at(to_y, to_x, t, max_steps, before, k)
            if k == 1 and source[0, n] == number:  # seen at once: the second end lies one step further
                origin = NO_SOURCE
                if further_there.shape[0] > 0:
                    seen_y, seen_x = float(place[0, n, 1]), float(place[0, n, 0])
                    far_y, far_x, far_miss = _step(seen_y, seen_x, further_there, further_back)
                    if far_miss <= limit:
                        origin, y, x, carried = _end_at(far_y, far_x, t, max_steps, beyond, 0)
                        carried += np.sqrt(far_miss)
            if origin >= 0 and abs(t - origin) <= max_steps:
                source[k, n], error[k, n] = origin, carried + step_error
                place[k, n, 0], place[k, n, 1] = x, y


@compiled
def sample_colours(
    number: int,
    place: NDArray[np.float32],
    image: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    made: NDArray[np.bool_],
    colour: NDArray[np.uint8],
    source: NDArray[np.int32],
    invented: NDArray[np.bool_],
) -> None:
    """Sample the colours of the ends that lie in one frame, bilinear over its known pixels.

    number   : the frame.
    place    : (K, N, 2) float32, x and y.
    image    : (H, W, 3) uint8; hole : (H, W) bool; made : (H, W) bool, or empty: colours an inpainter made.
    colour   : (K, N, 3) uint8, filled in place.
    source   : (K, N); NO_SOURCE is written where an end has no known pixel around it.
    invented : (K, N) bool, filled in place from the pixel that counts most.
    """
    height, width = hole.shape
    for k in range(len(source)):
        for n in range(source.shape[1]):
            if source[k, n] != number:
                continue
            x, y = float(place[k, n, 0]), float(place[k, n, 1])
            top, left = int(y), int(x)
            total, red, green, blue, best = 0.0, 0.0, 0.0, 0.0, 0.0
            for j in range(top, min(top + 2, height)):
                for i in range(left, min(left + 2, width)):
                    weight = (1.0 - abs(y - j)) * (1.0 - abs(x - i))
                    if weight <= 0.0 or hole[j, i]:
                        continue
                    total += weight
                    red += weight * image[j, i, 0]
                    green += weight * image[j, i, 1]
                    blue += weight * image[j, i, 2]
                    if weight > best and len(made) > 0:
                        best = weight
                        invented[k, n] = made[j, i]
            if total <= 0.0:
                source[k, n] = NO_SOURCE
                continue
            colour[k, n, 0] = int(red / total + 0.5)
            colour[k, n, 1] = int(green / total + 0.5)
            colour[k, n, 2] = int(blue / total + 0.5)
