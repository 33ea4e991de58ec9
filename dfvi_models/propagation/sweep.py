"""What both ways of propagation share: one sweep over the clip for each direction of time.

In a sweep, the *previous* frame is the one that was visited just before: t-1 in a forward sweep, t+1 in a backward one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.clip_checks import check_flows, check_planes
from dfvi_models.numerics.resizing import resize_flow
from dfvi_models.protocols import Flows, Frames, Holes
from dfvi_models.types import Direction


def check_clip(
    frames: Frames, holes: Holes, flow_fw: Flows, flow_bw: Flows, invented: Holes | None, direction: Direction
) -> None:
    """Raise ShapeError where lengths do not belong together, ValueError on an unknown direction."""
    check_planes(len(frames), holes, "holes")
    check_planes(len(frames), invented, "planes of invented pixels")
    check_flows(len(frames), flow_fw, flow_bw)
    if direction not in ("forward", "backward"):
        raise ValueError(f'direction must be "forward" or "backward"; got {direction!r}')


def step_of(direction: Direction) -> int:
    """Return how the frame number changes in a sweep: 1 forward, -1 backward."""
    return 1 if direction == "forward" else -1


def read_hole(holes: Holes, t: int) -> NDArray[np.bool_]:
    """Return the hole of frame t, contiguous. Raises ShapeError unless it is (H, W) bool."""
    hole = np.ascontiguousarray(holes[t])
    if hole.dtype != np.bool_ or hole.ndim != 2:
        raise ShapeError(f"hole {t} must be (H, W) bool; got {hole.shape} {hole.dtype}")
    return hole


def flows_with_previous(
    flow_fw: Flows, flow_bw: Flows, t: int, step: int, shape: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the flow from frame t to the previous frame of the sweep, and the flow from that frame to t.

    step    : 1 in a forward sweep, -1 in a backward one.
    shape   : (H, W) of the frames, to which the flow is resized.
    Returns : two (H, W, 2) float32, contiguous, pixels, each on the grid of the frame it starts from.
    """
    flows = (flow_bw[t - 1], flow_fw[t - 1]) if step == 1 else (flow_fw[t], flow_bw[t])
    to_previous, from_previous = (
        np.ascontiguousarray(resize_flow(flow, shape[0], shape[1]), np.float32) for flow in flows
    )
    return to_previous, from_previous
