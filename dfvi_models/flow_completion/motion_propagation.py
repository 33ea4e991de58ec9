"""Propagation of motion: what the hidden pixels of a frame did when they were last seen, or will do when seen next.

As colours are propagated along flow into holes, so is flow itself: a hole pixel takes over the motion of the place it
comes from in the previous frame (in sweep order), which is known there, or was propagated there before. Motion is taken
relative to the camera's, so that a shaking hand does not count as change.
Source: own experiments; the consistency check is the paper's (arXiv:1905.02884, section 3.3).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_completion.camera_motion import CameraMotion
from dfvi_models.numerics.bilinear import bilinear_corners
from dfvi_models.numerics.compiled import compiled
from dfvi_models.types import FlowPair

MAX_CONSISTENCY_ERROR = 5.0
"""Pixels: motion is not propagated along flow whose forward-backward error is larger."""
SAME_MOTION = 2.0  # pixels (dx + dy): propagated motions that differ by more are not interpolated


@dataclass(frozen=True)
class CompletedPair:
    """The flow of one pair of frames after one round of completion."""

    flow: FlowPair
    camera: tuple[CameraMotion, CameraMotion]
    """The camera's motion, forward and backward, which the flow is taken relative to."""
    holes: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    """Dilated holes of the first and the second frame."""


@dataclass(frozen=True)
class PropagatedMotion:
    """Motion that reached the N dilated hole pixels of one frame from one direction of time."""

    motion: NDArray[np.float32]
    """(N, 4) pixels, relative to the camera: dx, dy to the next frame, then dx, dy to the one before."""
    known: NDArray[np.bool_]
    """(N, 2) whether each of the two exists: the last frame has no next one."""
    error: NDArray[np.float32]
    """(N,) consistency error summed along the way, pixels."""
    lag: NDArray[np.int32]
    """(N,) frames propagated; 0 where nothing came."""


def flow_from(pair: CompletedPair, way: int) -> tuple[NDArray[np.float32], CameraMotion, NDArray[np.bool_]]:
    """Return flow, camera motion and dilated hole on the grid of the pair's first (way 0) or second frame (way 1)."""
    return (pair.flow.fw, pair.flow.bw)[way], pair.camera[way], pair.holes[way]


def hole_of(pairs: dict[int, CompletedPair], frame: int) -> NDArray[np.bool_]:
    """Return the dilated hole of a frame that one of the pairs has."""
    return pairs[frame].holes[0] if frame in pairs else pairs[frame - 1].holes[1]


def motion_from(
    pairs: dict[int, CompletedPair], frame: int, way: int
) -> tuple[NDArray[np.float32], CameraMotion] | None:
    """Return flow and camera motion from a frame to the next (way 0) or the one before (way 1); None if no pair has."""
    pair = pairs.get(frame - way)
    return None if pair is None else flow_from(pair, way)[:2]


def propagate_both_ways(
    pairs: dict[int, CompletedPair], numbers: range, *, most: int
) -> dict[int, tuple[PropagatedMotion, PropagatedMotion]]:
    """Return what reaches the frames of some pairs from the past and from the future, within the window of `pairs`.

    numbers : pairs in the window, one after the other.
    most    : longest way, in frames.
    Returns : frame number -> (from the past, from the future), for both frames of each of these pairs.
    """
    first, last = min(pairs), max(pairs) + 1  # frames
    propagated: dict[tuple[int, int], PropagatedMotion] = {}
    for step, sweep in ((1, range(first, numbers[-1] + 2)), (-1, range(last, numbers[0] - 1, -1))):
        previous: PropagatedMotion | None = None
        for t in sweep:
            previous = propagate_motion(pairs, t, step, previous, most=most)
            if numbers[0] <= t <= numbers[-1] + 1:
                propagated[step, t] = previous
    return {t: (propagated[1, t], propagated[-1, t]) for t in range(numbers[0], numbers[-1] + 2)}


def propagate_motion(
    pairs: dict[int, CompletedPair], t: int, step: int, previous: PropagatedMotion | None, *, most: int
) -> PropagatedMotion:
    """Return the motion that reaches the hole pixels of frame t from the previous frame in sweep order.

    pairs    : the pairs of the window by number; the one between the two frames must be among them.
    t        : number of the frame.
    step     : 1 sweeps towards later frames, -1 towards earlier ones.
    previous : what reached the previous frame in sweep order; None at the start of a sweep.
    most     : longest way, in frames.
    Returns  : PropagatedMotion of the dilated hole of frame t.
    """
    hole = hole_of(pairs, t)
    pixels = np.flatnonzero(hole)
    result = PropagatedMotion(
        motion=np.zeros((len(pixels), 4), np.float32),
        known=np.zeros((len(pixels), 2), np.bool_),
        error=np.zeros(len(pixels), np.float32),
        lag=np.zeros(len(pixels), np.int32),
    )
    if previous is None or len(pixels) == 0:
        return result
    origin = t - step
    pair = pairs[min(t, origin)]
    to_previous, from_previous = (pair.flow.bw, pair.flow.fw) if step == 1 else (pair.flow.fw, pair.flow.bw)
    rank = np.full(hole.shape, -1, np.int32)
    rank[hole_of(pairs, origin)] = np.arange(len(previous.lag), dtype=np.int32)
    motions = [motion_from(pairs, origin, way) for way in (0, 1)]
    exists = np.array([motion is not None for motion in motions])
    # What does not exist is not read.
    (flow_next, camera_next), (flow_before, camera_before) = (
        motion or (to_previous, pair.camera[0]) for motion in motions
    )
    _propagate(
        pixels, to_previous, from_previous, rank, (flow_next, *camera_next), (flow_before, *camera_before), exists,
        (previous.motion, previous.known, previous.error, previous.lag),
        (result.motion, result.known, result.error, result.lag), most,
    )  # fmt: skip
    return result


Arrays = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32], NDArray[np.int32]]
"""The fields of PropagatedMotion."""
Motion = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]
"""Flow, and rows and columns of the camera's motion."""


@compiled
def _propagate(
    pixels: NDArray[np.int64],
    flow_to_previous: NDArray[np.float32],
    flow_from_previous: NDArray[np.float32],
    rank: NDArray[np.int32],
    motion_to_next: Motion,
    motion_to_before: Motion,
    exists: NDArray[np.bool_],
    previous: Arrays,
    result: Arrays,
    most: int,
) -> None:
    """Read, for each pixel, the motion where it comes from in the previous frame: known there, or propagated there.

    rank : (H, W) which hole pixel of the previous frame, -1 where its flow is known.
    """
    height, width, _ = flow_to_previous.shape
    old_motion, old_known, old_error, old_lag = previous
    motion, known, error, lag = result
    for n in range(len(pixels)):
        at_y, at_x = divmod(pixels[n], width)
        dx, dy = float(flow_to_previous[at_y, at_x, 0]), float(flow_to_previous[at_y, at_x, 1])
        y, x = at_y + dy, at_x + dx
        if not (0.0 <= y <= height - 1.0 and 0.0 <= x <= width - 1.0):
            continue
        rows, columns, weights = bilinear_corners(y, x, height, width)
        off_x, off_y, known_share, best, best_weight = dx, dy, 0.0, -1, 0.0
        for i in range(4):
            off_x += weights[i] * flow_from_previous[rows[i], columns[i], 0]
            off_y += weights[i] * flow_from_previous[rows[i], columns[i], 1]
            old = rank[rows[i], columns[i]]
            if old < 0:
                known_share += weights[i]
            elif old_lag[old] > 0 and weights[i] > best_weight:
                best, best_weight = old, weights[i]
        consistency_error = np.sqrt(off_x * off_x + off_y * off_y)
        if consistency_error > MAX_CONSISTENCY_ERROR:
            continue
        total = 0.0
        if known_share > 0.5:
            for i in range(4):
                if rank[rows[i], columns[i]] >= 0:
                    continue
                total += weights[i]
                for way in range(2):
                    if not exists[way]:
                        continue
                    flow, by_row, by_column = motion_to_next if way == 0 else motion_to_before
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
        error[n] += consistency_error
        for c in range(4):
            motion[n, c] /= total
