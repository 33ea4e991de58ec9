"""Forward-backward consistency check: where each pixel comes from in a neighbouring frame, if anywhere.

Source: arXiv:1905.02884, section 3.3, as the reference code computes it.

All geometry is float64, computed from float32 flow: near ties float32 would send a few pixels elsewhere.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.compiled import compiled

NOWHERE = -1
"""`Trace.target` of a pixel that may not be carried."""

ROUND = 2.0**52
"""Added to a small positive float64 and taken away again, it rounds to the nearest integer, halves to even."""

BLOCK = 128
"""Pixels traced at a time: few enough for their numbers to stay in the fastest cache."""


class Trace(NamedTuple):
    """The pixels of a neighbouring frame that N pixels of one frame come from."""

    target: NDArray[np.int32]
    """(N,) flat index (y * W + x) into the neighbour, or NOWHERE."""
    error: NDArray[np.float32]
    """(N,) forward-backward consistency error in pixels; inf where the flow leaves the neighbour."""


def trace_to_neighbour(
    pixels: NDArray[np.int32],
    flow_to_neighbour: NDArray[np.float32],
    flow_from_neighbour: NDArray[np.float32],
    max_consistency_error: float,
    *,
    reach_border: bool = False,
) -> Trace:
    """Follow the flow of some pixels to a neighbouring frame and back, and refuse those that do not return.

    pixels                : (N,) int32 flat indices (y * W + x) into the current frame.
    flow_to_neighbour            : (H, W, 2) float32, pixels: current -> neighbour, on the grid of the current frame.
    flow_from_neighbour             : (H, W, 2) float32, pixels: neighbour -> current, on the grid of the neighbour.
    max_consistency_error : pixels; the error |to(p) + from(p + to(p))| must be smaller (strictly).
    reach_border          : also accept positions on the last row and column of the neighbour. False is the paper's
                            code, which can never fill these from a still scene.
    Returns : Trace. The target is the pixel nearest to p + (to(p) - from(p'))/2, halves rounded to even.
    Raises  : ShapeError if the two flows differ in shape or are not (H, W, 2).
    Source  : arXiv:1905.02884, section 3.3; formulas of the reference code's `get_warp_label`.
    """
    if (
        flow_to_neighbour.shape != flow_from_neighbour.shape
        or flow_to_neighbour.ndim != 3
        or flow_to_neighbour.shape[-1] != 2
    ):
        raise ShapeError(
            f"both flows must be (H, W, 2) and alike; got {flow_to_neighbour.shape} and {flow_from_neighbour.shape}"
        )
    target = np.empty(len(pixels), np.int32)
    error = np.empty(len(pixels), np.float32)
    _trace(
        np.ascontiguousarray(pixels, np.int32),
        np.ascontiguousarray(flow_to_neighbour, np.float32).reshape(-1, 2),
        np.ascontiguousarray(flow_from_neighbour, np.float32).reshape(-1, 2),
        (flow_to_neighbour.shape[0], flow_to_neighbour.shape[1]),
        float(max_consistency_error),
        bool(reach_border),
        target,
        error,
    )
    return Trace(target, error)


def consistency_error(
    flow_to_neighbour: NDArray[np.float32], flow_from_neighbour: NDArray[np.float32], *, reach_border: bool = True
) -> NDArray[np.float32]:
    """Return the distance by which each pixel misses itself after a round trip to the neighbouring frame.

    flow_to_neighbour, flow_from_neighbour, reach_border : as in `trace_to_neighbour`.
    Returns : (H, W) float32, pixels; inf where the flow leaves the neighbour.
    Raises  : ShapeError as `trace_to_neighbour`.
    """
    height, width = flow_to_neighbour.shape[:2]
    everywhere = np.arange(height * width, dtype=np.int32)
    return trace_to_neighbour(
        everywhere, flow_to_neighbour, flow_from_neighbour, np.inf, reach_border=reach_border
    ).error.reshape(height, width)


@compiled
def _trace(
    pixels: NDArray[np.int32],
    flow_to_neighbour: NDArray[np.float32],
    flow_from_neighbour: NDArray[np.float32],
    shape: tuple[int, int],
    limit: float,
    reach_border: bool,
    target: NDArray[np.int32],
    error: NDArray[np.float32],
) -> None:
    height, width = shape
    last_y, last_x = height - 1, width - 1
    end_y, end_x = float(last_y), float(last_x)
    if not reach_border:
        end_y, end_x = np.nextafter(end_y, -1.0), np.nextafter(end_x, -1.0)
    block = np.empty((17, BLOCK))
    ys, xs, to_xs, to_ys, dys, dxs = block[0], block[1], block[2], block[3], block[4], block[5]
    back_x00, back_x10, back_x01, back_x11 = block[6], block[7], block[8], block[9]
    back_y00, back_y10, back_y01, back_y11 = block[10], block[11], block[12], block[13]
    outside, misses, targets = block[14], block[15], block[16]
    y, row = 0, 0  # row = y * width; pixels usually come in order, and division is slow
    for start in range(0, len(pixels), BLOCK):
        count = min(BLOCK, len(pixels) - start)
        for i in range(count):  # look up what a pixel needs
            at = pixels[start + i]
            if not row <= at < row + width:
                y = at // width
                row = y * width
            to_x, to_y = float(flow_to_neighbour[at, 0]), float(flow_to_neighbour[at, 1])
            at_y, at_x = y + to_y, at - row + to_x
            inside = 0.0 <= at_y <= end_y and 0.0 <= at_x <= end_x  # NaN lies in no range
            if not inside:
                at_y, at_x = 0.0, 0.0
            top, left = int(at_y), int(at_x)
            corner, right = top * width + left, 1 if left < last_x else 0
            below = width if top < last_y else 0
            # Unsigned, or numba would test each for being negative.
            p00, p10 = np.uint32(corner), np.uint32(corner + below)
            p01, p11 = np.uint32(corner + right), np.uint32(corner + below + right)
            ys[i], xs[i], to_xs[i], to_ys[i] = y, at - row, to_x, to_y
            dys[i], dxs[i], outside[i] = at_y - top, at_x - left, 0.0 if inside else 1.0
            back_x00[i], back_x10[i] = flow_from_neighbour[p00, 0], flow_from_neighbour[p10, 0]
            back_x01[i], back_x11[i] = flow_from_neighbour[p01, 0], flow_from_neighbour[p11, 0]
            back_y00[i], back_y10[i] = flow_from_neighbour[p00, 1], flow_from_neighbour[p10, 1]
            back_y01[i], back_y11[i] = flow_from_neighbour[p01, 1], flow_from_neighbour[p11, 1]
        for i in range(BLOCK):  # arithmetic alone, which vector instructions take several pixels at a time
            dy, dx = dys[i], dxs[i]
            # Weights and order of the sum are the reference's: results are compared bit for bit.
            w00, w10, w01, w11 = (1.0 - dy) * (1.0 - dx), dy * (1.0 - dx), (1.0 - dy) * dx, dy * dx
            back_x = w00 * back_x00[i] + w10 * back_x10[i] + w01 * back_x01[i] + w11 * back_x11[i]
            back_y = w00 * back_y00[i] + w10 * back_y10[i] + w01 * back_y01[i] + w11 * back_y11[i]
            off_y, off_x = back_y + to_ys[i], back_x + to_xs[i]
            miss = np.sqrt(off_y * off_y + off_x * off_x)
            from_y, from_x = ys[i] + (to_ys[i] - back_y) / 2.0, xs[i] + (to_xs[i] - back_x) / 2.0
            known = (outside[i] == 0.0) & (miss < np.inf)
            good = known & (miss < limit)
            good &= (from_y >= 0.0) & (from_y <= end_y) & (from_x >= 0.0) & (from_x <= end_x)
            source = (from_y + ROUND - ROUND) * width + (from_x + ROUND - ROUND)
            targets[i] = source if good else NOWHERE
            misses[i] = miss if known else np.inf
        for i in range(count):
            target[start + i], error[start + i] = int(targets[i]), misses[i]
