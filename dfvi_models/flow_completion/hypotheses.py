"""Hypotheses about the flow in a hole: several guesses, and evidence for each. They are the input of `choice_net`.

A *stack* is (CHANNELS, h, w) float32, one for each flow map of a clip. All guesses are given as their difference from
the temporal completion, so that a correction of 0 is that completion. Source: own; not part of the paper.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_completion.motion_propagation import (
    CompletedPair,
    PropagatedMotion,
    flow_from,
    propagate_both_ways,
)
from dfvi_models.flow_completion.temporal import BLOCK, CompletedClip, TemporalCompleter
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.propagation.consistency import consistency_error
from dfvi_models.protocols import Flows, Holes
from dfvi_models.types import FlowPair

RELATIVE = slice(0, 2)
"""Temporal completion relative to the camera's motion; outside the hole the known flow, likewise."""
GUESSES = (slice(2, 4), slice(4, 6), slice(6, 8))
"""Smooth fill, motion propagated from behind (where the flow comes from), and from ahead (where it goes); each minus
the temporal completion. 0 where there is none."""
HOLE = 8
"""1 in the dilated hole, which is what is to be completed, else 0."""
EVIDENCE = slice(9, 15)
"""From behind: exp(-frames propagated / LAG_DECAY) and 1 / (1 + consistency error); from ahead: the same two, 0 where
nothing was propagated; 1 / (1 + consistency error) of the temporal completion; distance from the hole's boundary /
DISTANCE_SCALE."""
CHANNELS = 15

LAG_DECAY = 5.0  # frames
DISTANCE_SCALE = 16.0  # pixels


@dataclass(frozen=True)
class Hypotheses:
    """The guesses about one pair of frames."""

    completed: FlowPair
    """The temporal completion."""
    stacks: tuple[NDArray[np.float32], NDArray[np.float32]]
    """For flow_fw and flow_bw, each (CHANNELS, h, w)."""


def make_hypotheses(
    completer: TemporalCompleter,
    flow_fw: Flows,
    flow_bw: Flows,
    holes: Holes,
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
        propagated = propagate_both_ways(around, range(min(smooth), max(smooth) + 1), most=BLOCK)
        inputs = ((t, around[t], smooth[t], propagated[t], propagated[t + 1]) for t in pairs if t // BLOCK == block)
        yield from ordered_map(_stack_pair, inputs, threads)


BothWays = tuple[PropagatedMotion, PropagatedMotion]
"""What reached the hole of a frame from the past, and from the future."""


def _stack_pair(inputs: tuple[int, CompletedPair, CompletedPair, BothWays, BothWays]) -> tuple[int, Hypotheses]:
    t, pair, smooth, at_first, (past, future) = inputs
    stacks = _stack(pair, smooth, 0, at_first), _stack(pair, smooth, 1, (future, past))  # behind comes first
    return t, Hypotheses(pair.flow, stacks)


def _stack(pair: CompletedPair, smooth: CompletedPair, way: int, propagated: BothWays) -> NDArray[np.float32]:
    """Return the stack of one flow of a pair; propagated: from behind and from ahead, as that flow goes."""
    flow, camera, hole = flow_from(pair, way)
    stack = np.zeros((CHANNELS, *hole.shape), np.float32)
    relative = flow - camera.flow()
    stack[RELATIVE] = relative.transpose(2, 0, 1)
    stack[GUESSES[0]] = (flow_from(smooth, way)[0] - flow).transpose(2, 0, 1)
    stack[HOLE] = hole
    for guess, first, side in zip(GUESSES[1:], (9, 11), propagated, strict=True):
        reached = (side.lag > 0) & side.known[:, way]
        motion = side.motion[:, 2 * way : 2 * way + 2]
        stack[guess, hole] = np.where(reached[:, None], motion - relative[hole], 0).T
        stack[first, hole] = np.where(reached, np.exp(-side.lag / LAG_DECAY), 0)
        stack[first + 1, hole] = np.where(reached, 1 / (1 + side.error), 0)
    both_flows = (pair.flow.fw, pair.flow.bw) if way == 0 else (pair.flow.bw, pair.flow.fw)
    stack[13] = 1 / (1 + consistency_error(*both_flows))
    distance = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3)
    stack[14] = np.minimum(distance, 4 * DISTANCE_SCALE) / DISTANCE_SCALE
    return stack
