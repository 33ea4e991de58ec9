"""Motion carried through time: what the hidden pixels of a frame did when they were last seen, or will when they are.

Motion is taken relative to the camera's, so that a shaking hand does not count as change.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_completion.camera_motion import GlobalMotion
from dfvi_models.numerics.compiled import compiled
from dfvi_models.types import FlowPair

MAX_CONSISTENCY_ERROR = 5.0  # pixels: motion is not carried along flow that does not come home
SAME_MOTION = 2.0  # pixels (dx + dy): carried motions that differ by more are not interpolated


@dataclass(frozen=True)
class CompletedPair:
    """One pair of frames in one round."""

    flow: FlowPair
    camera: tuple[GlobalMotion, GlobalMotion]
    """The camera's motion, forward and backward, which the flow is seen relative to."""
    holes: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Dilated holes of the first and the second frame."""


@dataclass(frozen=True)
class CarriedMotion:
    """Motion that reached the N dilated hole pixels of one frame from one direction of time."""

    motion: NDArray[np.float32]
    """(N, 4) pixels, relative to the camera: dx, dy to the next frame, then dx, dy to the one before."""
    known: NDArray[np.bool_]
    """(N, 2) whether each of the two exists: the last frame has no next one."""
    error: NDArray[np.float32]
    """(N,) consistency error summed along the way, pixels."""
    lag: NDArray[np.int32]
    """(N,) frames carried; 0 where nothing came."""


def flow_from(pair: CompletedPair, way: int) -> tuple[NDArray[np.float32], GlobalMotion, NDArray[np.bool_]]:
    """Flow, camera motion and dilated hole on the grid of the pair's first (way 0) or second frame (way 1)."""
    return (pair.flow.fw, pair.flow.bw)[way], pair.camera[way], pair.holes[way]


def hole_of(pairs: dict[int, CompletedPair], frame: int) -> NDArray[np.bool_]:
    """Dilated hole of a frame that one of the pairs has."""
    return pairs[frame].holes[0] if frame in pairs else pairs[frame - 1].holes[1]


def motion_from(
    pairs: dict[int, CompletedPair], frame: int, way: int
) -> tuple[NDArray[np.float32], GlobalMotion] | None:
    """Flow and camera motion from a frame to the next (way 0) or to the one before (way 1), if in reach."""
    pair = pairs.get(frame - way)
    return None if pair is None else flow_from(pair, way)[:2]


def carry_motion(
    pairs: dict[int, CompletedPair], t: int, step: int, before: CarriedMotion | None, *, most: int
) -> CarriedMotion:
    """What reaches the hole pixels of frame t from the frame before it in sweep order.

    pairs   : the pairs of the window by number; the one between the two frames must be among them.
    t       : number of the frame.
    step    : 1 sweeps towards later frames, -1 towards earlier ones.
    before  : what reached the frame before in sweep order; None at the start of a sweep.
    most    : longest way, in frames.
    Returns : CarriedMotion of the dilated hole of frame t.
    """
    hole = hole_of(pairs, t)
    pixels = np.flatnonzero(hole)
    result = CarriedMotion(
        motion=np.zeros((len(pixels), 4), np.float32),
        known=np.zeros((len(pixels), 2), np.bool_),
        error=np.zeros(len(pixels), np.float32),
        lag=np.zeros(len(pixels), np.int32),
    )
    if before is None or len(pixels) == 0:
        return result
    origin = t - step
    pair = pairs[min(t, origin)]
    there, back = (pair.flow.bw, pair.flow.fw) if step == 1 else (pair.flow.fw, pair.flow.bw)
    origin_hole = hole_of(pairs, origin)
    rank = np.full(hole.shape, -1, np.int32)
    rank[origin_hole] = np.arange(len(before.lag), dtype=np.int32)
    motions = [motion_from(pairs, origin, way) for way in (0, 1)]
    known = np.array([motion is not None for motion in motions])
    (following, ahead), (preceding, behind) = (motion or (there, pair.camera[0]) for motion in motions)  # or not read
    _advance(
        pixels, there, back, rank, (following, *ahead), (preceding, *behind), known,
        (before.motion, before.known, before.error, before.lag),
        (result.motion, result.known, result.error, result.lag), most,
    )  # fmt: skip
    return result


def carry_both_ways(
    pairs: dict[int, CompletedPair], numbers: range, *, most: int
) -> dict[int, tuple[CarriedMotion, CarriedMotion]]:
    """What reaches the frames of some pairs from the past and from the future, within the window of `pairs`.

    numbers : pairs in the window, one after the other.
    Returns : frame number -> (from the past, from the future), for both frames of each of these pairs.
    """
    first, last = min(pairs), max(pairs) + 1  # frames
    carried: dict[tuple[int, int], CarriedMotion] = {}
    for step, sweep in ((1, range(first, numbers[-1] + 2)), (-1, range(last, numbers[0] - 1, -1))):
        before: CarriedMotion | None = None
        for t in sweep:
            before = carry_motion(pairs, t, step, before, most=most)
            if numbers[0] <= t <= numbers[-1] + 1:
                carried[step, t] = before
    return {t: (carried[1, t], carried[-1, t]) for t in range(numbers[0], numbers[-1] + 2)}


Arrays = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32], NDArray[np.int32]]
Motion = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]
"""Flow, and rows and columns of the camera's motion."""


@compiled
def _advance(
    pixels: NDArray[np.int64],
    there: NDArray[np.float32],
    back: NDArray[np.float32],
    rank: NDArray[np.int32],
    following: Motion,
    preceding: Motion,
    exists: NDArray[np.bool_],
    before: Arrays,
    result: Arrays,
    most: int,
) -> None:
    """Read motion where each pixel lands: the known flow there, or what was carried there."""
    height, width, _ = there.shape
    old_motion, old_known, old_error, old_lag = before
    motion, known, error, lag = result
    for n in range(len(pixels)):
        at_y, at_x = divmod(pixels[n], width)
        y, x = at_y + float(there[at_y, at_x, 1]), at_x + float(there[at_y, at_x, 0])
        if not (0.0 <= y <= height - 1.0 and 0.0 <= x <= width - 1.0):
            continue
        top, left = int(y), int(x)
        bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
        dy, dx = y - top, x - left
        rows, columns = (top, top, bottom, bottom), (left, right, left, right)
        weights = ((1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx)
        off_x, off_y, seen, best, best_weight = float(there[at_y, at_x, 0]), float(there[at_y, at_x, 1]), 0.0, -1, 0.0
        for i in range(4):
            off_x += weights[i] * back[rows[i], columns[i], 0]
            off_y += weights[i] * back[rows[i], columns[i], 1]
            old = rank[rows[i], columns[i]]
            if old < 0:
                seen += weights[i]
            elif old_lag[old] > 0 and weights[i] > best_weight:
                best, best_weight = old, weights[i]
        off = np.sqrt(off_x * off_x + off_y * off_y)
        if off > MAX_CONSISTENCY_ERROR:
            continue
        total = 0.0
        if seen > 0.5:
            for i in range(4):
                if rank[rows[i], columns[i]] >= 0:
                    continue
                total += weights[i]
                for way in range(2):
                    if not exists[way]:
                        continue
                    flow, by_row, by_column = following if way == 0 else preceding
                    for c in range(2):
                        row, column = by_row[rows[i], c], by_column[columns[i], c]
                        camera = row[0] + column[0] + row[1] * column[1]
                        motion[n, 2 * way + c] += weights[i] * (flow[rows[i], columns[i], c] - camera)
            known[n, 0], known[n, 1] = exists[0], exists[1]
            lag[n] = 1
        elif best >= 0 and old_lag[best] < most:
            for i in range(4):
                old = rank[rows[i], columns[i]]
                if old < 0 or old_lag[old] == 0:
                    continue
                apart = abs(old_motion[old, 0] - old_motion[best, 0]) + abs(old_motion[old, 1] - old_motion[best, 1])
                if apart > SAME_MOTION:
                    continue
                total += weights[i]
                error[n] += weights[i] * old_error[old]
                for c in range(4):
                    motion[n, c] += weights[i] * old_motion[old, c]
            error[n] /= total
            known[n, 0], known[n, 1] = old_known[best, 0], old_known[best, 1]
            lag[n] = old_lag[best] + 1
        else:
            continue
        error[n] += off
        for c in range(4):
            motion[n, c] /= total
