"""Smooth flow completion, without weights: flow in and near holes is discarded, and the flow around continued smoothly.

The fill is harmonic (`numerics.laplace`), as the initial flow of the paper (arXiv:1905.02884, section 3.1) is.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.holes import dilate_by_disc, resize_hole_touching
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Flows, Holes
from dfvi_models.types import FlowPair


class SmoothCompleter:
    """Completes flow by a harmonic fill of each map.

    dilation : pixels of the frame by which holes are dilated first. Flow next to a hole is dragged along by the object,
               and 10 px lower the end-point error in the hole by a quarter against 0.
    Raises   : ValueError if the dilation is negative.
    """

    def __init__(self, dilation: int = 10):
        if dilation < 0:
            raise ValueError(f"dilation must be 0 px or more; got {dilation}")
        self.dilation = dilation

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, FlowPair]]:
        """Complete the flow of the wanted pairs, in ascending order; arguments and errors as in `FlowCompleter`.

        Outside the dilated holes flow stays bit-equal; where nothing is known it becomes 0.
        """
        check_flows(len(holes), flow_fw, flow_bw)
        pairs = wanted_numbers(wanted, len(holes) - 1, "pairs")
        inputs = ((t, flow_fw[t], flow_bw[t], holes[t], holes[t + 1]) for t in pairs)
        return ordered_map(self._complete_pair, inputs, threads)

    def _complete_pair(
        self,
        inputs: tuple[int, NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]],
    ) -> tuple[int, FlowPair]:
        t, fw, bw, hole, next_hole = inputs
        check_flow_pair(t, fw, bw)
        return t, FlowPair(fw=self._complete(fw, hole), bw=self._complete(bw, next_hole))

    def _complete(self, flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        return fill_smooth(flow, hole_to_complete(hole, self.dilation, flow.shape[0], flow.shape[1]))


def hole_to_complete(hole: NDArray[np.bool_], dilation: int, height: int, width: int) -> NDArray[np.bool_]:
    """Return the part of a flow map (height, width) that is to be completed: the dilated hole, on the flow's grid.

    hole     : (H, W) bool, of the frame.
    dilation : pixels of the frame. In a small frame it may cover everything; then the hole alone is returned, for
               dragged flow beside the hole is better than none.
    """
    dilated = dilate_by_disc(hole, dilation)
    return resize_hole_touching(hole.copy() if dilated.all() else dilated, height, width)


def check_flow_pair(t: int, fw: NDArray[np.float32], bw: NDArray[np.float32]) -> None:
    """Raise ShapeError unless both flows of pair t are (H, W, 2) of one size."""
    if fw.ndim != 3 or fw.shape[2] != 2 or bw.shape != fw.shape:
        raise ShapeError(f"flows of pair {t} must both be (H, W, 2); got {fw.shape} and {bw.shape}")
