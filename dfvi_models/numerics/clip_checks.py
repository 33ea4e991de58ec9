"""Checks of what a caller passes: lengths of sequences, frames with their holes, and the numbers that are wanted."""

from collections.abc import Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError


def check_planes(count: int, planes: Sized | None, what: str) -> None:
    """Raise ShapeError unless there is one plane for each of `count` frames; None means no planes, and passes."""
    if planes is not None and len(planes) != count:
        raise ShapeError(f"{count} frames need as many {what}; got {len(planes)}")


def check_flows(count: int, flow_fw: Sized, flow_bw: Sized) -> None:
    """Raise ShapeError unless there is a flow each way for each of the `count` - 1 pairs of frames."""
    pairs = max(count - 1, 0)
    if not len(flow_fw) == len(flow_bw) == pairs:
        raise ShapeError(f"{count} frames need {pairs} flows each way; got {len(flow_fw)} and {len(flow_bw)}")


def check_frame(frame: NDArray[np.uint8], hole: NDArray[np.bool_], name: str = "frame") -> None:
    """Raise ShapeError unless a frame is (H, W, 3) uint8 and its hole (H, W) bool; name: what the message calls it."""
    if hole.ndim != 2 or hole.dtype != np.bool_ or frame.shape != (*hole.shape, 3) or frame.dtype != np.uint8:
        raise ShapeError(
            f"{name} must be (H, W, 3) uint8 and its hole (H, W) bool; "
            f"got {frame.shape} {frame.dtype} and {hole.shape} {hole.dtype}"
        )


def wanted_numbers(wanted: Sequence[int], count: int, what: str) -> list[int]:
    """Return the wanted numbers, each once, ascending. Raises ValueError where one is not in 0 .. `count` - 1."""
    numbers = sorted(set(wanted))
    if numbers and not 0 <= numbers[0] <= numbers[-1] < count:
        raise ValueError(f"wanted {what} must lie in 0..{count - 1}; got {numbers[0]}..{numbers[-1]}")
    return numbers
