"""Propagation: carries known pixels into the holes of the frames that follow, along completed flow.

One sweep per direction of time. Frame t asks its neighbour (t-1 forward, t+1 backward) for each hole pixel: a known
pixel there gives its own colour, a hole pixel passes on what was carried to it. Only hole pixels are looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.clip_checks import check_flows, check_planes, wanted_numbers
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.flow_resize import resize_flow
from dfvi_models.numerics.hole_pixels import hole_pixels
from dfvi_models.propagation.candidates import check_candidates, empty_candidates, no_candidates
from dfvi_models.propagation.consistency import trace_to_neighbour
from dfvi_models.types import NO_SOURCE, Candidates

Direction = Literal["forward", "backward"]
Planes = Sequence[NDArray[np.bool_]]


def propagate(
    frames: Sequence[NDArray[np.uint8]],
    holes: Planes,
    flow_fw: Sequence[NDArray[np.float32]],
    flow_bw: Sequence[NDArray[np.float32]],
    *,
    direction: Direction,
    max_consistency_error: float,
    wanted: Sequence[int],
    previous: Callable[[int], Candidates] | None = None,
    invented: Planes | None = None,
    reach_border: bool = False,
) -> Iterator[tuple[int, Candidates]]:
    """Sweep once over a clip and yield, for every wanted frame, what reaches its hole pixels.

    frames   : T of (H, W, 3) uint8; hole pixels are never read.
    holes    : T of (H, W) bool, True = replace.
    flow_fw  : T-1 of (h, w, 2) float32, pixels, t -> t+1, completed; resized to (H, W) if smaller or larger.
    flow_bw  : T-1 of (h, w, 2) float32, pixels, t+1 -> t, completed.
    direction             : "forward" carries t-1 -> t in ascending t; "backward" carries t+1 -> t in descending t.
    max_consistency_error : pixels, see `trace_to_neighbour`; > 0.
    wanted   : frame numbers to yield, in any order; they come out in sweep order. Resuming a sweep gives the same
               bits as running it whole.
    previous : returns the finished candidates of a frame; asked only for the frame before a wanted one (in sweep
               order) that is not itself wanted and has a hole.
    invented : T of (H, W) bool: pixels of `frames` whose colour an inpainter made. None = none.
    reach_border : see `trace_to_neighbour`.
    Yields   : (t, Candidates) with K = 1.
    Raises   : ShapeError on lengths or shapes that do not belong together; ValueError if `previous` is needed but
               None, if a wanted number is no frame, or on an unknown direction. Lengths, numbers and direction are
               checked at the call, arrays when they are reached.
    Source   : arXiv:1905.02884, section 3.3; loop of the reference code, hole pixels only, which is equivalent.
    """
    check_planes(len(frames), holes, "holes")
    check_planes(len(frames), invented, "planes of invented pixels")
    check_flows(len(frames), flow_fw, flow_bw)
    if direction not in ("forward", "backward"):
        raise ValueError(f'direction must be "forward" or "backward"; got {direction!r}')
    numbers = wanted_numbers(wanted, len(frames), "frames")
    if not max_consistency_error > 0:
        raise ValueError(f"max_consistency_error must be above 0 px; got {max_consistency_error}")
    sweep = _Sweep(frames, holes, flow_fw, flow_bw, direction, max_consistency_error, previous, invented, reach_border)
    return sweep.run(numbers if direction == "forward" else numbers[::-1])


class _Frame(NamedTuple):
    """A frame's hole, as a plane and as a list of flat pixel numbers."""

    t: int
    hole: NDArray[np.bool_]
    pixels: NDArray[np.int32]


class _Sweep:
    """One direction over one clip; holds the last frame's hole pixels and candidates, nothing older."""

    def __init__(
        self,
        frames: Sequence[NDArray[np.uint8]],
        holes: Planes,
        flow_fw: Sequence[NDArray[np.float32]],
        flow_bw: Sequence[NDArray[np.float32]],
        direction: Direction,
        max_consistency_error: float,
        previous: Callable[[int], Candidates] | None,
        invented: Planes | None,
        reach_border: bool,
    ):
        self.frames, self.holes, self.invented, self.previous = frames, holes, invented, previous
        self.step = 1 if direction == "forward" else -1
        self.flow_fw, self.flow_bw = flow_fw, flow_bw
        self.max_consistency_error, self.reach_border = max_consistency_error, reach_border
        self.rank = np.empty(0, np.int32)  # (H * W,): which hole pixel of the neighbour; read at its hole pixels only

    def run(self, order: Sequence[int]) -> Iterator[tuple[int, Candidates]]:
        near: _Frame | None = None  # the one before, in sweep order
        for t in order:
            neighbour = t - self.step
            here = self._look_at(t)
            if not 0 <= neighbour < len(self.frames):
                candidates = no_candidates(len(here.pixels))
            else:
                if near is None or near.t != neighbour:
                    near = self._look_at(neighbour)
                    carried = self._read_candidates(near, t)
                candidates = self._carry(near, carried, here)
            yield t, candidates
            near, carried = here, candidates

    def _look_at(self, t: int) -> "_Frame":
        hole = np.ascontiguousarray(self.holes[t])
        if hole.dtype != np.bool_ or hole.ndim != 2:
            raise ShapeError(f"hole {t} must be (H, W) bool; got {hole.shape} {hole.dtype}")
        return _Frame(t, hole, hole_pixels(hole))

    def _read_candidates(self, near: "_Frame", t: int) -> Candidates:
        count = len(near.pixels)
        if count == 0:
            return no_candidates(0)
        if self.previous is None:
            raise ValueError(
                f"frame {t} needs the candidates of frame {near.t}, which is not wanted; "
                "pass previous= or want that frame too"
            )
        candidates = self.previous(near.t)
        check_candidates(candidates, count, f"candidates of frame {near.t}")
        return candidates

    def _carry(self, near: "_Frame", carried: Candidates, here: "_Frame") -> Candidates:
        if len(here.pixels) == 0:
            return no_candidates(0)
        frame = self.frames[near.t]
        if near.hole.shape != here.hole.shape or frame.shape != (*near.hole.shape, 3) or frame.dtype != np.uint8:
            raise ShapeError(
                f"frame {near.t} {frame.shape} {frame.dtype}, its hole {near.hole.shape} and "
                f"hole {here.t} {here.hole.shape} do not belong together; frames are (H, W, 3) uint8"
            )
        invented = self._invented_pixels(near)
        there, back = self._flows(here.t, here.hole.shape)
        trace = trace_to_neighbour(here.pixels, there, back, self.max_consistency_error, reach_border=self.reach_border)
        if self.rank.size != near.hole.size:
            self.rank = np.empty(near.hole.size, np.int32)
        result = empty_candidates(len(here.pixels))
        _gather(
            (trace.target, trace.error),
            near.t,
            np.ascontiguousarray(frame).reshape(-1, 3),
            near.hole.reshape(-1),
            near.pixels,
            invented,
            self.rank,
            (carried.colour[0], carried.source[0], carried.error[0], carried.invented[0]),
            (result.colour[0], result.source[0], result.error[0], result.invented[0]),
        )
        return result

    def _invented_pixels(self, near: "_Frame") -> NDArray[np.bool_]:
        """Flat; empty where none are."""
        if self.invented is None:
            return np.empty(0, np.bool_)
        invented = np.ascontiguousarray(self.invented[near.t])
        if invented.shape != near.hole.shape or invented.dtype != np.bool_:
            raise ShapeError(
                f"invented pixels of frame {near.t} must be {near.hole.shape} bool; "
                f"got {invented.shape} {invented.dtype}"
            )
        return invented.reshape(-1)

    def _flows(self, t: int, shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Flow from frame t to the neighbour it asks, and back."""
        if self.step == 1:
            there, back = self.flow_bw[t - 1], self.flow_fw[t - 1]
        else:
            there, back = self.flow_fw[t], self.flow_bw[t]
        return resize_flow(there, shape[0], shape[1]), resize_flow(back, shape[0], shape[1])


Fields = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]


@compiled
def _gather(
    trace: tuple[NDArray[np.int32], NDArray[np.float32]],
    neighbour: int,
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    hole_pixels: NDArray[np.int32],
    known_invented: NDArray[np.bool_],
    rank: NDArray[np.int32],
    carried: Fields,
    result: Fields,
) -> None:
    target, step_error = trace
    old_colour, old_source, old_error, old_invented = carried
    colour, source, error, invented = result
    for n in range(len(hole_pixels)):
        rank[hole_pixels[n]] = n
    for n in range(len(target)):
        at = target[n]
        old = rank[at] if at >= 0 and hole[at] else 0
        if at < 0 or (hole[at] and old_source[old] < 0):
            colour[n, 0], colour[n, 1], colour[n, 2] = 0, 0, 0
            source[n], error[n], invented[n] = NO_SOURCE, 0, False
        elif hole[at]:
            colour[n, 0], colour[n, 1], colour[n, 2] = old_colour[old, 0], old_colour[old, 1], old_colour[old, 2]
            source[n], error[n], invented[n] = old_source[old], old_error[old] + step_error[n], old_invented[old]
        else:
            colour[n, 0], colour[n, 1], colour[n, 2] = frame[at, 0], frame[at, 1], frame[at, 2]
            source[n], error[n] = neighbour, step_error[n]
            invented[n] = known_invented[at] if len(known_invented) > 0 else False
