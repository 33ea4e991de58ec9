"""What could be true of the flow in a hole: several guesses, and how much speaks for each. Input of `choice_net`.

A *stack* is (CHANNELS, h, w) float32, one for each flow map of a clip. All guesses are given as their difference from
the temporal completion, so that a correction of 0 is that completion.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_completion.motion_propagation import CarriedMotion, CompletedPair, carry_both_ways, flow_from
from dfvi_models.flow_completion.temporal import BLOCK, CompletedClip, TemporalCompleter
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.propagation.consistency import consistency_error
from dfvi_models.types import FlowPair

RELATIVE = slice(0, 2)
"""Temporal completion relative to the camera's motion; outside the hole the known flow, likewise."""
GUESSES = (slice(2, 4), slice(4, 6), slice(6, 8))
"""Smooth fill, motion carried from behind (where the flow comes from), and from ahead; each minus the temporal
completion. 0 where there is none."""
HOLE = 8
"""1 in the dilated hole, which is what is to be completed, else 0."""
EVIDENCE = slice(9, 15)
"""From behind: exp(-frames carried / LAG_DECAY) and 1 / (1 + consistency error); from ahead: the same two, 0 where
nothing was carried; 1 / (1 + consistency error) of the temporal completion; distance from the rim / RIM_SCALE."""
CHANNELS = 15

LAG_DECAY = 5.0  # frames
RIM_SCALE = 16.0  # pixels


@dataclass(frozen=True)
class Hypotheses:
    """The guesses about one pair of frames."""

    completed: FlowPair
    """The temporal completion."""
    stacks: tuple[NDArray[np.float32], NDArray[np.float32]]
    """For flow_fw and flow_bw, each (CHANNELS, h, w)."""


def make_hypotheses(
    completer: TemporalCompleter,
    flow_fw: Sequence[NDArray[np.float32]],
    flow_bw: Sequence[NDArray[np.float32]],
    holes: Sequence[NDArray[np.bool_]],
    *,
    wanted: Sequence[int],
    threads: int = 1,
) -> Iterator[tuple[int, Hypotheses]]:
    """Guess the flow of the wanted pairs in several ways, in ascending order.

    completer : makes the temporal completion; its dilation decides the hole.
    The others and Raises : as `TemporalCompleter.complete`.
    Yields    : (t, Hypotheses), on the grid of the flow.
    """
    check_flows(len(holes), flow_fw, flow_bw)
    pairs = wanted_numbers(wanted, len(holes) - 1, "pairs")
    clip = CompletedClip(flow_fw, flow_bw, holes, completer, threads)
    for block in sorted({t // BLOCK for t in pairs}):
        around = clip.around(completer.rounds, block)
        smooth = clip.block(0, block)
        carried = carry_both_ways(around, range(min(smooth), max(smooth) + 1), most=BLOCK)
        inputs = ((t, around[t], smooth[t], (carried[t], carried[t + 1])) for t in pairs if t // BLOCK == block)
        yield from ordered_map(_stack_pair, inputs, threads)


Carried = tuple[CarriedMotion, CarriedMotion]


def _stack_pair(
    inputs: tuple[int, CompletedPair, CompletedPair, tuple[Carried, Carried]],
) -> tuple[int, Hypotheses]:
    t, pair, smooth, (here, there) = inputs
    past, future = there
    stacks = _stack(pair, smooth, 0, here), _stack(pair, smooth, 1, (future, past))  # behind comes first
    return t, Hypotheses(pair.flow, stacks)


def _stack(pair: CompletedPair, smooth: CompletedPair, way: int, carried: Carried) -> NDArray[np.float32]:
    flow, camera, hole = flow_from(pair, way)
    stack = np.zeros((CHANNELS, *hole.shape), np.float32)
    relative = flow - camera.flow()
    stack[RELATIVE] = relative.transpose(2, 0, 1)
    stack[GUESSES[0]] = (flow_from(smooth, way)[0] - flow).transpose(2, 0, 1)
    stack[HOLE] = hole
    for guess, first, side in zip(GUESSES[1:], (9, 11), carried, strict=True):
        there = (side.lag > 0) & side.known[:, way]
        motion = side.motion[:, 2 * way : 2 * way + 2]
        stack[guess, hole] = np.where(there[:, None], motion - relative[hole], 0).T
        stack[first, hole] = np.where(there, np.exp(-side.lag / LAG_DECAY), 0)
        stack[first + 1, hole] = np.where(there, 1 / (1 + side.error), 0)
    forth, back = (pair.flow.fw, pair.flow.bw) if way == 0 else (pair.flow.bw, pair.flow.fw)
    stack[13] = 1 / (1 + consistency_error(forth, back))
    stack[14] = np.minimum(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3), 4 * RIM_SCALE) / RIM_SCALE
    return stack
