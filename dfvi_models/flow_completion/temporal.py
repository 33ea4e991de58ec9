"""Temporal flow completion: hidden pixels move as they did when they were last seen, and as they will when seen next.

Three steps: the flow in the hole is filled harmonically; motion of earlier and later frames is propagated into the hole
(`motion_propagation`), relative to the camera's motion (`camera_motion`) so that a shaking hand does not count as
change; and the filled flow u is drawn towards the propagated motion d, by the screened Poisson equation

    minimise sum |grad u|^2 + temporal_weight |u - d|^2     over the hole

(`numerics.screened_poisson`). How much time counts against space is measured around the hole: see `_temporal_weight`.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_completion.camera_motion import evaluate_camera_motion, fit_camera_motion
from dfvi_models.flow_completion.motion_propagation import (
    CompletedPair,
    PropagatedMotion,
    flow_from,
    hole_of,
    motion_from,
    propagate_both_ways,
)
from dfvi_models.flow_completion.smooth import check_flow_pair, hole_to_complete
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.screened_poisson import assemble, framed_kinds, framed_planes, relax, unframed
from dfvi_models.protocols import Flows, Holes
from dfvi_models.types import FlowPair

BLOCK = 12
"""Pairs worked on together; also the most frames a motion is propagated. Results do not depend on what else is wanted,
since blocks start at fixed numbers and each is made from itself and its two neighbours."""

BLOCKS_HELD = 2  # of each round but the last: what the next block of the next round will ask for again
RING = 25  # pixels around the dilated hole where the temporal weight is measured
RING_STEP = 2
FEWEST_SAMPLES = 20
MOST_CHANGE, MOST_SLOPE = 25.0, 4.0  # square pixels: larger squared differences count as these
SWEEPS = 40
OVER_RELAXATION = 1.75


class TemporalCompleter:
    """Completes flow by a harmonic fill of each map, corrected by motion propagated from other frames.

    dilation : pixels by which holes are dilated first, as in `SmoothCompleter`.
    rounds   : how often motion is propagated, each time along the flow of the round before; 0 is the harmonic fill.
    strength : factor of the temporal weight; 0 is the harmonic fill.
    decay    : frames after which a motion seen earlier or later counts 1/e.
    Raises   : ValueError on negative values or a decay of 0.
    Source   : own experiments; not part of the paper.
    """

    def __init__(self, dilation: int = 10, rounds: int = 2, strength: float = 1.5, decay: float = 5.0):
        if dilation < 0 or rounds < 0 or strength < 0 or decay <= 0:
            raise ValueError(
                "dilation, rounds and strength must be 0 or more, decay above 0; "
                f"got {dilation}, {rounds}, {strength} and {decay}"
            )
        self.dilation, self.strength, self.decay = dilation, strength, decay
        self.rounds = rounds if strength > 0 else 0

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, FlowPair]]:
        """Complete the flow of the wanted pairs, in ascending order; arguments and errors as in `FlowCompleter`.

        Outside the dilated holes flow stays bit-equal; where nothing is known it becomes 0.
        """
        check_flows(len(holes), flow_fw, flow_bw)
        pairs = wanted_numbers(wanted, len(holes) - 1, "pairs")
        clip = CompletedClip(flow_fw, flow_bw, holes, self, threads)
        return ((t, clip.block(self.rounds, t // BLOCK)[t].flow) for t in pairs)


class CompletedClip:
    """The completed pairs of a clip after each round, in blocks that are computed on demand and held for a while.

    A block is computed once as long as pairs are asked for in ascending order.
    """

    def __init__(self, flow_fw: Flows, flow_bw: Flows, holes: Holes, settings: TemporalCompleter, threads: int) -> None:
        self.flow_fw, self.flow_bw, self.holes, self.settings = flow_fw, flow_bw, holes, settings
        self.threads = threads
        self.held: list[OrderedDict[int, dict[int, CompletedPair]]] = [
            OrderedDict() for _ in range(settings.rounds + 1)
        ]

    def block(self, rounds: int, number: int) -> dict[int, CompletedPair]:
        """Return the pairs BLOCK * number and following, by number, after so many rounds."""
        held = self.held[rounds]
        if number not in held:
            held[number] = self._fill_smoothly(number) if rounds == 0 else self._propagate_motion(rounds, number)
            if len(held) > (1 if rounds == self.settings.rounds else BLOCKS_HELD):
                held.popitem(last=False)
        return held[number]

    def around(self, rounds: int, block: int) -> dict[int, CompletedPair]:
        """Return the pairs of a block and of its two neighbours, as far as there are any, after so many rounds."""
        blocks = [b for b in (block - 1, block, block + 1) if b >= 0 and len(self._numbers(b))]
        return {t: pair for b in blocks for t, pair in self.block(rounds, b).items()}

    def _numbers(self, block: int) -> range:
        return range(BLOCK * block, min(BLOCK * (block + 1), len(self.flow_fw)))

    def _fill_smoothly(self, block: int) -> dict[int, CompletedPair]:
        numbers = self._numbers(block)
        inputs = ((t, self.flow_fw[t], self.flow_bw[t], self.holes[t], self.holes[t + 1]) for t in numbers)
        return dict(zip(numbers, ordered_map(self._smooth_pair, inputs, self.threads), strict=True))

    def _smooth_pair(
        self,
        inputs: tuple[int, NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]],
    ) -> CompletedPair:
        t, fw, bw, *undilated = inputs
        check_flow_pair(t, fw, bw)
        shape = (fw.shape[0], fw.shape[1])
        hole, next_hole = (hole_to_complete(one, self.settings.dilation, *shape) for one in undilated)
        camera_fw, camera_bw = (
            evaluate_camera_motion(fit_camera_motion(f, h), shape) for f, h in ((fw, hole), (bw, next_hole))
        )
        filled = FlowPair(fill_smooth(fw, hole), fill_smooth(bw, next_hole))
        return CompletedPair(filled, (camera_fw, camera_bw), (hole, next_hole))

    def _propagate_motion(self, rounds: int, block: int) -> dict[int, CompletedPair]:
        numbers = self._numbers(block)
        pairs = self.around(rounds - 1, block)
        propagated = propagate_both_ways(pairs, numbers, most=BLOCK)

        def corrected(t: int) -> CompletedPair:
            pair = pairs[t]
            fw = self._correct(pairs, t, t, propagated[t])
            bw = self._correct(pairs, t, t + 1, propagated[t + 1])
            return CompletedPair(FlowPair(fw, bw), pair.camera, pair.holes)

        return dict(zip(numbers, ordered_map(corrected, numbers, self.threads), strict=True))

    def _correct(
        self, pairs: dict[int, CompletedPair], pair: int, frame: int, propagated: tuple[PropagatedMotion, ...]
    ) -> NDArray[np.float32]:
        """Return the flow of one pair on the grid of one of its frames, drawn towards the motion propagated there."""
        way = frame - pair
        flow, camera, hole = flow_from(pairs[pair], way)
        motion, weight = self._mean_motion(propagated, way, int(np.count_nonzero(hole)))
        if not weight.any():
            return flow
        camera_flow = camera.flow()
        relative = flow - camera_flow
        strength = self.settings.strength * _temporal_weight(pairs, frame, way, relative, hole)
        drawn = _draw_towards(relative, hole, strength * np.minimum(weight, 1), motion)
        completed = flow.copy()
        completed[hole] = (camera_flow + drawn)[hole]
        return completed

    def _mean_motion(
        self, propagated: tuple[PropagatedMotion, ...], way: int, count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean (N, 2) of what came from the past and the future, and its weight (N,), 0 to 2.

        The longer the way in frames and the larger the consistency error, the less a motion counts.
        """
        motion, weight = np.zeros((count, 2)), np.zeros(count)
        for side in propagated:
            counts = np.where((side.lag > 0) & side.known[:, way], np.exp(-side.lag / self.settings.decay), 0)
            counts = counts / (1 + side.error)
            motion += counts[:, None] * side.motion[:, 2 * way : 2 * way + 2]
            weight += counts
        motion /= np.maximum(weight, 1e-9)[:, None]
        return motion, weight


def _draw_towards(
    relative: NDArray[np.float32],
    hole: NDArray[np.bool_],
    weight: NDArray[np.float64],
    motion: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Minimise |grad u|^2 + weight |u - motion|^2 over the hole and return u (H, W, 2), started from `relative`.

    weight, motion : (N,) and (N, 2), row-major.
    """
    kind, surface = framed_kinds(hole), framed_planes(relative)
    screen, target = np.zeros(hole.shape), np.zeros((*hole.shape, 2))
    screen[hole], target[hole] = weight, weight[:, None] * motion
    equations = assemble(kind, framed_planes(screen[..., None], np.float64).reshape(kind.shape), np.float64)
    source = framed_planes(target, np.float64)[:, equations.pixels]
    relax(surface, source, equations, over_relaxation=OVER_RELAXATION, sweeps=SWEEPS)
    return unframed(surface, hole.shape)


def _temporal_weight(
    pairs: dict[int, CompletedPair], frame: int, way: int, relative: NDArray[np.float32], hole: NDArray[np.bool_]
) -> float:
    """Return how much better motion is predicted by time than by space, measured on known pixels around the hole.

    The mean squared difference between neighbours in space, over that between a pixel and where it is one frame
    earlier or later. It is the ratio of two variances, so it is the weight of one kind of evidence against the other.
    """
    y, x = _ring(hole)
    changes = [_changes(pairs, frame, step, way, relative, y, x) for step in (1, -1)]
    change = np.concatenate([one for one in changes if len(one) >= FEWEST_SAMPLES] or [np.zeros(0)])
    if len(change) == 0 or len(y) < FEWEST_SAMPLES:
        return 0.0
    slope = ((relative[y + 1, x] - relative[y, x]) ** 2 + (relative[y, x + 1] - relative[y, x]) ** 2).sum(axis=-1)
    return float((np.minimum(slope, MOST_SLOPE).mean() + 1e-4) / (np.minimum(change, MOST_CHANGE).mean() + 1e-3))


def _ring(hole: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of some known pixels around the hole whose right and lower neighbours are known too."""
    ring = np.zeros_like(hole)
    ring[1::RING_STEP, 1::RING_STEP] = (dilate_by_disc(hole, RING) & ~hole)[1::RING_STEP, 1::RING_STEP]
    ring[-1], ring[:, -1] = False, False
    y, x = np.nonzero(ring)
    inner = ~hole[y + 1, x] & ~hole[y, x + 1]
    return y[inner], x[inner]


def _changes(
    pairs: dict[int, CompletedPair],
    frame: int,
    step: int,
    way: int,
    relative: NDArray[np.float32],
    y: NDArray[np.intp],
    x: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return squared changes of relative motion between some pixels and where they are `step` frames earlier.

    Pixels that are hidden there or leave the frame are left out; without that frame there are none.
    """
    origin = frame - step
    motion = motion_from(pairs, origin, way)
    pair = pairs.get(min(frame, origin))
    if motion is None or pair is None:
        return np.zeros(0)
    flow_to_origin = pair.flow.bw if step == 1 else pair.flow.fw
    height, width = relative.shape[:2]
    to_y, to_x = (np.rint(at + flow_to_origin[y, x, axis]) for at, axis in ((y, 1), (x, 0)))
    inside = (to_y >= 0) & (to_y < height) & (to_x >= 0) & (to_x < width)
    at_y, at_x = to_y[inside].astype(np.intp), to_x[inside].astype(np.intp)
    visible = ~hole_of(pairs, origin)[at_y, at_x]
    flow, camera = motion
    change = flow[at_y, at_x] - camera.at(at_y, at_x) - relative[y[inside], x[inside]]
    squared: NDArray[np.float64] = (change[visible] ** 2).sum(axis=-1)
    return squared
