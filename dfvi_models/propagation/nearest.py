"""Nearest-pixel propagation, the paper's: carries known pixels into holes frame by frame, along completed flow.

One sweep per direction of time. For each hole pixel of frame t the flow leads to a pixel of the previous frame of the
sweep (t-1 forward, t+1 backward): a known pixel there gives its own colour, a hole pixel passes on what was carried to
it. Only hole pixels are looked at. Source: arXiv:1905.02884, section 3.3; loop of the reference code.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.clip_checks import wanted_numbers
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.holes import hole_indices
from dfvi_models.propagation.candidates import check_candidates, empty_candidates, no_candidates
from dfvi_models.propagation.consistency import trace_to_neighbour
from dfvi_models.propagation.sweep import check_clip, flows_with_previous, read_hole, step_of
from dfvi_models.protocols import Flows, Frames, Holes
from dfvi_models.types import NO_SOURCE, Candidates, Direction


def propagate(
    frames: Frames,
    holes: Holes,
    flow_fw: Flows,
    flow_bw: Flows,
    *,
    direction: Direction,
    max_consistency_error: float,
    wanted: Sequence[int],
    previous: Callable[[int], Candidates] | None = None,
    invented: Holes | None = None,
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
    previous : returns the finished candidates of a frame; called only for the frame before a wanted one (in sweep
               order) that is not itself wanted and has a hole.
    invented : T of (H, W) bool: pixels of `frames` whose colour an inpainter made. None = none.
    reach_border : see `trace_to_neighbour`.
    Yields   : (t, Candidates) with K = 1.
    Raises   : ShapeError on lengths or shapes that do not belong together; ValueError if `previous` is needed but
               None, if a wanted number is no frame, or on an unknown direction. Lengths, numbers and direction are
               checked at the call, arrays when they are reached.
    Source   : arXiv:1905.02884, section 3.3; loop of the reference code, hole pixels only, which is equivalent.
    """
    check_clip(frames, holes, flow_fw, flow_bw, invented, direction)
    numbers = wanted_numbers(wanted, len(frames), "frames")
    if not max_consistency_error > 0:
        raise ValueError(f"max_consistency_error must be above 0 px; got {max_consistency_error}")
    sweep = _Sweep(
        frames, holes, flow_fw, flow_bw, step_of(direction), max_consistency_error, previous, invented, reach_border
    )
    return sweep.run(numbers if direction == "forward" else numbers[::-1])


class _Frame(NamedTuple):
    """A frame's hole, as a plane and as flat indices of its pixels."""

    t: int
    hole: NDArray[np.bool_]
    pixels: NDArray[np.int32]


class _Sweep:
    """One direction over one clip; holds the previous frame's hole pixels and candidates, nothing older."""

    def __init__(
        self,
        frames: Frames,
        holes: Holes,
        flow_fw: Flows,
        flow_bw: Flows,
        step: int,
        max_consistency_error: float,
        previous: Callable[[int], Candidates] | None,
        invented: Holes | None,
        reach_border: bool,
    ):
        self.frames, self.holes, self.invented, self.previous = frames, holes, invented, previous
        self.step, self.flow_fw, self.flow_bw = step, flow_fw, flow_bw
        self.max_consistency_error, self.reach_border = max_consistency_error, reach_border
        self.rank = np.empty(0, np.int32)  # (H * W,): which hole pixel of the previous frame; read at those only

    def run(self, order: Sequence[int]) -> Iterator[tuple[int, Candidates]]:
        """Yield the candidates of some frames, in the order given, which is that of the sweep."""
        previous: _Frame | None = None
        for t in order:
            previous_t = t - self.step
            here = self._read_frame(t)
            if not 0 <= previous_t < len(self.frames):
                candidates = no_candidates(len(here.pixels))
            else:
                if previous is None or previous.t != previous_t:
                    previous = self._read_frame(previous_t)
                    carried = self._read_candidates(previous, t)
                candidates = self._carry(previous, carried, here)
            yield t, candidates
            previous, carried = here, candidates

    def _read_frame(self, t: int) -> _Frame:
        hole = read_hole(self.holes, t)
        return _Frame(t, hole, hole_indices(hole))

    def _read_candidates(self, previous: _Frame, t: int) -> Candidates:
        count = len(previous.pixels)
        if count == 0:
            return no_candidates(0)
        if self.previous is None:
            raise ValueError(
                f"frame {t} needs the candidates of frame {previous.t}, which is not wanted; "
                "pass previous= or want that frame too"
            )
        candidates = self.previous(previous.t)
        check_candidates(candidates, count, f"candidates of frame {previous.t}")
        return candidates

    def _carry(self, previous: _Frame, carried: Candidates, here: _Frame) -> Candidates:
        if len(here.pixels) == 0:
            return no_candidates(0)
        frame = self.frames[previous.t]
        shape = here.hole.shape
        if previous.hole.shape != shape or frame.shape != (*shape, 3) or frame.dtype != np.uint8:
            raise ShapeError(
                f"frame {previous.t} {frame.shape} {frame.dtype}, its hole {previous.hole.shape} and "
                f"hole {here.t} {here.hole.shape} do not belong together; frames are (H, W, 3) uint8"
            )
        invented = self._invented_pixels(previous)
        flows = flows_with_previous(self.flow_fw, self.flow_bw, here.t, self.step, shape)
        trace = trace_to_neighbour(here.pixels, *flows, self.max_consistency_error, reach_border=self.reach_border)
        if self.rank.size != previous.hole.size:
            self.rank = np.empty(previous.hole.size, np.int32)
        result = empty_candidates(len(here.pixels))
        _gather(
            (trace.target, trace.error),
            previous.t,
            np.ascontiguousarray(frame).reshape(-1, 3),
            previous.hole.reshape(-1),
            previous.pixels,
            invented,
            self.rank,
            (carried.colour[0], carried.source[0], carried.error[0], carried.invented[0]),
            (result.colour[0], result.source[0], result.error[0], result.invented[0]),
        )
        return result

    def _invented_pixels(self, previous: _Frame) -> NDArray[np.bool_]:
        """Return which pixels of a frame were invented, flat; empty where none are."""
        if self.invented is None:
            return np.empty(0, np.bool_)
        invented = np.ascontiguousarray(self.invented[previous.t])
        if invented.shape != previous.hole.shape or invented.dtype != np.bool_:
            raise ShapeError(
                f"invented pixels of frame {previous.t} must be {previous.hole.shape} bool; "
                f"got {invented.shape} {invented.dtype}"
            )
        return invented.reshape(-1)


Fields = tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float32], NDArray[np.bool_]]
"""Of `Candidates`, for K = 1."""


@compiled
def _gather(
    trace: tuple[NDArray[np.int32], NDArray[np.float32]],
    previous_t: int,
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    hole_pixels: NDArray[np.int32],
    known_invented: NDArray[np.bool_],
    rank: NDArray[np.int32],
    carried: Fields,
    result: Fields,
) -> None:
    """Look up, for each hole pixel, the colour of the pixel it was traced to, or what was carried there."""
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
            source[n], error[n] = previous_t, step_error[n]
            invented[n] = known_invented[at] if len(known_invented) > 0 else False
