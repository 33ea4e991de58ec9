"""Forward-backward consistency of optical flow: where each pixel comes from in a neighbouring frame, if anywhere.

All geometry is float64, computed from float32 flow: near ties float32 would send a few pixels elsewhere.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.compiled import compiled
from dfvi_models.errors import ShapeError

NOWHERE = -1
"""`Trace.target` of a pixel that may not be carried."""


class Trace(NamedTuple):
    """Where N pixels of one frame come from in a neighbouring frame."""

    target: NDArray[np.int32]
    """(N,) flat index (y * W + x) into the neighbour, or NOWHERE."""
    error: NDArray[np.float32]
    """(N,) forward-backward consistency error in pixels; inf where the flow leaves the neighbour."""


def trace_to_neighbour(
    pixels: NDArray[np.int64],
    flow_there: NDArray[np.float32],
    flow_back: NDArray[np.float32],
    max_consistency_error: float,
    *,
    reach_border: bool = False,
) -> Trace:
    """Follow the flow of some pixels to a neighbouring frame and back, and refuse what does not come home.

    pixels                : (N,) int64 flat indices (y * W + x) into the current frame.
    flow_there            : (H, W, 2) float32, pixels: current -> neighbour, on the grid of the current frame.
    flow_back             : (H, W, 2) float32, pixels: neighbour -> current, on the grid of the neighbour.
    max_consistency_error : pixels; the error |there(p) + back(p + there(p))| must be smaller (strictly).
    reach_border          : also accept positions on the last row and column of the neighbour. False is the paper's
                            code, which can never fill these from a still scene.
    Returns : Trace. The target is the pixel nearest to p + (there(p) - back(p'))/2, halves rounded to even.
    Raises  : ShapeError if the two flows differ in shape or are not (H, W, 2).
    Source  : arXiv:1905.02884, section 3.3; formulas of the reference code's `get_warp_label`.
    """
    if flow_there.shape != flow_back.shape or flow_there.ndim != 3 or flow_there.shape[-1] != 2:
        raise ShapeError(f"both flows must be (H, W, 2) and alike; got {flow_there.shape} and {flow_back.shape}")
    target = np.empty(len(pixels), np.int32)
    error = np.empty(len(pixels), np.float32)
    _trace(
        np.ascontiguousarray(pixels, np.int64),
        np.ascontiguousarray(flow_there, np.float32),
        np.ascontiguousarray(flow_back, np.float32),
        float(max_consistency_error),
        bool(reach_border),
        target,
        error,
    )
    return Trace(target, error)


def consistency_error(
    flow_there: NDArray[np.float32], flow_back: NDArray[np.float32], *, reach_border: bool = True
) -> NDArray[np.float32]:
    """Distance by which each pixel misses itself after a round trip to the neighbouring frame.

    flow_there, flow_back, reach_border : as in `trace_to_neighbour`.
    Returns : (H, W) float32, pixels; inf where the flow leaves the neighbour.
    Raises  : ShapeError as `trace_to_neighbour`.
    """
    height, width = flow_there.shape[:2]
    everywhere = np.arange(height * width)
    return trace_to_neighbour(everywhere, flow_there, flow_back, np.inf, reach_border=reach_border).error.reshape(
        height, width
    )


@compiled
def _trace(
    pixels: NDArray[np.int64],
    flow_there: NDArray[np.float32],
    flow_back: NDArray[np.float32],
    limit: float,
    reach_border: bool,
    target: NDArray[np.int32],
    error: NDArray[np.float32],
) -> None:
    height, width, _ = flow_there.shape
    last_y, last_x = height - 1, width - 1
    for n in range(len(pixels)):
        target[n] = NOWHERE
        error[n] = np.inf
        y, x = divmod(pixels[n], width)
        there_x, there_y = float(flow_there[y, x, 0]), float(flow_there[y, x, 1])
        at_y, at_x = y + there_y, x + there_x
        # Written so that NaN fails: it lies in no range.
        inside = 0.0 <= at_y <= last_y and 0.0 <= at_x <= last_x
        if not inside or (not reach_border and (at_y == last_y or at_x == last_x)):
            continue
        top, left = int(at_y), int(at_x)
        bottom, right = min(top + 1, last_y), min(left + 1, last_x)
        dy, dx = at_y - top, at_x - left
        # Weights and order of the sum are the reference's: results are compared bit for bit.
        w00, w10 = (1.0 - dy) * (1.0 - dx), dy * (1.0 - dx)
        w01, w11 = (1.0 - dy) * dx, dy * dx
        back_x = (
            w00 * flow_back[top, left, 0]
            + w10 * flow_back[bottom, left, 0]
            + w01 * flow_back[top, right, 0]
            + w11 * flow_back[bottom, right, 0]
        )
        back_y = (
            w00 * flow_back[top, left, 1]
            + w10 * flow_back[bottom, left, 1]
            + w01 * flow_back[top, right, 1]
            + w11 * flow_back[bottom, right, 1]
        )
        off_y, off_x = back_y + there_y, back_x + there_x
        miss = np.sqrt(off_y * off_y + off_x * off_x)
        error[n] = miss
        if not miss < limit:
            continue
        from_y, from_x = y + (there_y - back_y) / 2.0, x + (there_x - back_x) / 2.0
        inside = 0.0 <= from_y <= last_y and 0.0 <= from_x <= last_x
        if not inside or (not reach_border and (from_y == last_y or from_x == last_x)):
            continue
        target[n] = int(np.rint(from_y)) * width + int(np.rint(from_x))
