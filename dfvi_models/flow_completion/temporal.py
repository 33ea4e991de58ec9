"""Temporal flow completion: what is hidden now moves about as it did when it was last seen, and as it will when it is.

Motion is taken relative to the camera's (`global_motion`), so that a shaking hand does not count as change. How far the
past and future are believed, against smoothness in the picture, is measured beside the hole: see `_belief`.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.camera_motion import evaluate_global_motion, fit_global_motion
from dfvi_models.flow_completion.motion_propagation import (
    CarriedMotion,
    CompletedPair,
    carry_both_ways,
    flow_from,
    hole_of,
    motion_from,
)
from dfvi_models.flow_completion.smooth import hole_on_grid
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.compiled import compiled
from dfvi_models.numerics.dilation import dilate
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Flows, Holes
from dfvi_models.types import FlowPair

BLOCK = 12
"""Pairs worked on together; also the most frames a motion is carried. Results do not depend on what else is wanted,
since blocks start at fixed numbers and each is made from itself and its two neighbours."""

BLOCKS_HELD = 2  # of each round but the last: what the next block of the next round will ask for again
RING = 25  # pixels around the dilated hole where belief is measured
RING_STEP = 2
FEWEST_SAMPLES = 20
SWEEPS = 40
OVER_RELAXATION = 1.75


class TemporalCompleter:
    """Discards flow in and near holes, fills it harmonically, and corrects that by motion carried from other frames.

    dilation : pixels by which holes are grown first, as in `SmoothCompleter`.
    rounds   : how often motion is carried, each time along the flow of the round before; 0 is the harmonic fill.
    strength : factor of the belief in carried motion; 0 is the harmonic fill.
    decay    : frames after which a motion seen earlier or later counts 1/e.
    Raises   : ValueError on negative values or a decay of 0.
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
        """See `FlowCompleter`. Outside the dilated holes flow stays bit-equal; where nothing is known it becomes 0."""
        check_flows(len(holes), flow_fw, flow_bw)
        pairs = wanted_numbers(wanted, len(holes) - 1, "pairs")
        clip = CompletedClip(flow_fw, flow_bw, holes, self, threads)
        return ((t, clip.block(self.rounds, t // BLOCK)[t].flow) for t in pairs)


class CompletedClip:
    """A clip in blocks of pairs after each round; a block is made once as long as pairs are asked for in order."""

    def __init__(
        self,
        flow_fw: Flows,
        flow_bw: Flows,
        holes: Holes,
        settings: TemporalCompleter,
        threads: int,
    ):
        self.flow_fw, self.flow_bw, self.holes, self.settings = flow_fw, flow_bw, holes, settings
        self.threads = threads
        self.held: list[OrderedDict[int, dict[int, CompletedPair]]] = [
            OrderedDict() for _ in range(settings.rounds + 1)
        ]

    def block(self, done: int, number: int) -> dict[int, CompletedPair]:
        """Pairs BLOCK * number and following, after `done` rounds."""
        held = self.held[done]
        if number not in held:
            held[number] = self._fill_smoothly(number) if done == 0 else self._carry_motion(done, number)
            if len(held) > (1 if done == self.settings.rounds else BLOCKS_HELD):
                held.popitem(last=False)
        return held[number]

    def around(self, done: int, block: int) -> dict[int, CompletedPair]:
        """Pairs of a block and of its two neighbours, as far as there are any, after `done` rounds."""
        blocks = [b for b in (block - 1, block, block + 1) if b >= 0 and len(self._numbers(b))]
        return {t: pair for b in blocks for t, pair in self.block(done, b).items()}

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
        if fw.ndim != 3 or fw.shape[2] != 2 or bw.shape != fw.shape:
            raise ShapeError(f"flows of pair {t} must both be (H, W, 2); got {fw.shape} and {bw.shape}")
        shape = (fw.shape[0], fw.shape[1])
        here, there = (hole_on_grid(self._grow(hole), *shape) for hole in undilated)
        ahead, behind = (evaluate_global_motion(fit_global_motion(f, h), shape) for f, h in ((fw, here), (bw, there)))
        return CompletedPair(FlowPair(fill_smooth(fw, here), fill_smooth(bw, there)), (ahead, behind), (here, there))

    def _grow(self, hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
        grown = dilate(hole, self.settings.dilation)
        return hole.copy() if grown.all() else grown  # dragged flow beside the hole is better than none

    def _carry_motion(self, done: int, block: int) -> dict[int, CompletedPair]:
        numbers = self._numbers(block)
        pairs = self.around(done - 1, block)
        carried = carry_both_ways(pairs, numbers, most=BLOCK)

        def corrected(t: int) -> CompletedPair:
            pair = pairs[t]
            fw = self._correct(pairs, t, t, carried[t])
            bw = self._correct(pairs, t, t + 1, carried[t + 1])
            return CompletedPair(FlowPair(fw, bw), pair.camera, pair.holes)

        return dict(zip(numbers, ordered_map(corrected, numbers, self.threads), strict=True))

    def _correct(
        self, pairs: dict[int, CompletedPair], pair: int, frame: int, carried: tuple[CarriedMotion, ...]
    ) -> NDArray[np.float32]:
        """Flow of one pair on the grid of one of its frames, drawn towards the motion carried to its hole."""
        way = frame - pair
        flow, camera, hole = flow_from(pairs[pair], way)
        pixels = np.flatnonzero(hole)
        wanted, weight = np.zeros((len(pixels), 2)), np.zeros(len(pixels))
        for side in carried:
            counts = np.where((side.lag > 0) & side.known[:, way], np.exp(-side.lag / self.settings.decay), 0)
            counts = counts / (1 + side.error)
            wanted += counts[:, None] * side.motion[:, 2 * way : 2 * way + 2]
            weight += counts
        if not weight.any():
            return flow
        wanted /= np.maximum(weight, 1e-9)[:, None]
        moved = camera.flow()
        relative = flow - moved
        belief = self.settings.strength * _belief(pairs, frame, way, relative, hole)
        _screen(relative, pixels, belief * np.minimum(weight, 1), wanted)
        completed = flow.copy()
        completed[hole] = (moved + relative)[hole]
        return completed


def _belief(
    pairs: dict[int, CompletedPair], frame: int, way: int, relative: NDArray[np.float32], hole: NDArray[np.bool_]
) -> float:
    """How much better motion is foretold by time than by space, measured on known pixels around the hole.

    The mean squared difference between neighbours in space, over that between a pixel and where it is one frame
    earlier or later. It is the ratio of two variances, so it is the weight of one kind of evidence against the other.
    """
    ring = np.zeros_like(hole)
    ring[1::RING_STEP, 1::RING_STEP] = (dilate(hole, RING) & ~hole)[1::RING_STEP, 1::RING_STEP]
    ring[-1], ring[:, -1] = False, False
    y, x = np.nonzero(ring)
    inner = ~hole[y + 1, x] & ~hole[y, x + 1]
    y, x = y[inner], x[inner]
    changes = [np.zeros(0)]
    for step in (1, -1):
        origin = frame - step
        motion = motion_from(pairs, origin, way)
        pair = pairs.get(min(frame, origin))
        if motion is None or pair is None:
            continue
        there = pair.flow.bw if step == 1 else pair.flow.fw
        to_y, to_x = (np.rint(at + there[y, x, axis]) for at, axis in ((y, 1), (x, 0)))
        inside = (to_y >= 0) & (to_y < hole.shape[0]) & (to_x >= 0) & (to_x < hole.shape[1])
        at_y, at_x = to_y[inside].astype(np.intp), to_x[inside].astype(np.intp)
        seen = ~hole_of(pairs, origin)[at_y, at_x]
        flow, camera = motion
        change = flow[at_y, at_x] - camera.at(at_y, at_x) - relative[y[inside], x[inside]]
        change = (change[seen] ** 2).sum(axis=-1)
        if len(change) >= FEWEST_SAMPLES:
            changes.append(np.minimum(change, 25.0))
    change = np.concatenate(changes)
    if len(change) == 0 or len(y) < FEWEST_SAMPLES:
        return 0.0
    slope = ((relative[y + 1, x] - relative[y, x]) ** 2 + (relative[y, x + 1] - relative[y, x]) ** 2).sum(axis=-1)
    return float((np.minimum(slope, 4.0).mean() + 1e-4) / (change.mean() + 1e-3))


@compiled
def _screen(
    surface: NDArray[np.float32], pixels: NDArray[np.int64], belief: NDArray[np.float64], wanted: NDArray[np.float64]
) -> None:
    """Minimise |grad u|^2 + belief |u - wanted|^2 over some pixels, the others given, by over-relaxation."""
    height, width, channels = surface.shape
    order = np.empty(len(pixels), np.int64)
    count = 0
    for board in range(2):
        for k in range(len(pixels)):
            y, x = divmod(pixels[k], width)
            if (y + x) % 2 == board:
                order[count] = k
                count += 1
    for _ in range(SWEEPS):
        for i in order:
            y, x = divmod(pixels[i], width)
            for c in range(channels):
                total, weight = belief[i] * wanted[i, c], belief[i]
                if y > 0:
                    total += surface[y - 1, x, c]
                    weight += 1.0
                if y < height - 1:
                    total += surface[y + 1, x, c]
                    weight += 1.0
                if x > 0:
                    total += surface[y, x - 1, c]
                    weight += 1.0
                if x < width - 1:
                    total += surface[y, x + 1, c]
                    weight += 1.0
                if weight > 0:
                    surface[y, x, c] += OVER_RELAXATION * (total / weight - surface[y, x, c])
