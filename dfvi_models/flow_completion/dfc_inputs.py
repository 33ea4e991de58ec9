"""Inputs and outputs of DFC-Net: resizing, initial fill, windows, composition. NumPy and OpenCV only.

A *map* is (3, h, w) float32: dx, dy in pixels of its own grid, and the hole (1 = to be completed). Eleven maps make a
window. Source: arXiv:1905.02884, section 3.1; the details are those of the authors' code, as released weights expect.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.networks.dfc_net import REACH
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.resizing import resize_flow

Size = tuple[int, int]
"""(height, width)"""

GUESS_TOLERANCE = 1e-4
"""Pixels: the error left in the initial fill; measured: 1e-5. The reference's direct solver leaves none."""


def resize_flow_clipped(flow: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Resize a flow as `resizing.resize_flow`, and clip vectors longer than the grid to its width or height.

    flow    : (H, W, 2) float32, pixels.
    size    : (h, w).
    Returns : (h, w, 2) float32, pixels of the new grid.
    """
    resized = resize_flow(np.asarray(flow, np.float32), *size)
    clipped = np.empty_like(resized)
    for channel, longest in enumerate(size[::-1]):
        np.clip(resized[..., channel], -longest, longest, out=clipped[..., channel])
    return clipped


def fill_initially(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the initial flow of the paper: harmonic in the hole, solved at half size and enlarged; unchanged outside.

    flow : (h, w, 2) float32, pixels.  hole : (h, w) bool.  Returns (h, w, 2) float32, pixels.
    """
    if not hole.any():
        return flow
    height, width = hole.shape
    half = (max(width // 2, 1), max(height // 2, 1))
    half_flow = cv2.resize(flow, half, interpolation=cv2.INTER_LINEAR)
    half_hole = np.asarray(cv2.resize(hole.astype(np.float64), half, interpolation=cv2.INTER_LINEAR) > 0)
    filled = fill_smooth(np.asarray(half_flow, np.float32), half_hole, tolerance=GUESS_TOLERANCE)
    enlarged = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(hole[..., None], enlarged, flow), np.float32)


def carry_over(
    coarse: NDArray[np.float32], known: NDArray[np.float32], hole: NDArray[np.bool_], *, everywhere: bool = False
) -> NDArray[np.float32]:
    """Return a completed flow of a coarser grid on a finer one: in the hole only, or everywhere as in the reference.

    coarse : (h, w, 2) pixels of its grid.  known : (H, W, 2) pixels of its own.  hole : (H, W).
    """
    enlarged = resize_flow_clipped(coarse, (known.shape[0], known.shape[1]))
    return enlarged if everywhere else np.where(hole[..., None], enlarged, known)


def to_map(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Join a flow (h, w, 2) and its hole (h, w) to a map (3, h, w) float32."""
    return np.concatenate((flow.transpose(2, 0, 1), hole[None]), dtype=np.float32)


def window_numbers(centre: int, first: int, last: int) -> list[int]:
    """Return the 11 numbers centre-5 .. centre+5, those outside first .. last replaced by the nearer end."""
    return [min(max(number, first), last) for number in range(centre - REACH, centre + REACH + 1)]
