"""What goes into DFC-Net and what comes out: resizing, initial fill, windows, composition. NumPy and OpenCV.

A *map* is (3, h, w) float32: dx, dy in pixels of its own grid, and the hole (1 = to be completed). Eleven maps make a
window. Source: arXiv:1905.02884, section 3.1; the details are those of the authors' code, as released weights expect.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.networks.dfc_net import REACH
from dfvi_models.numerics import flow_resize
from dfvi_models.numerics.laplace import fill_smooth

Size = tuple[int, int]
"""(height, width)"""

GUESS_TOLERANCE = 1e-4
"""Pixels: the error left in the first guess; seen: 1e-5. The reference's direct solver leaves none."""


def resize_flow(flow: NDArray[np.float32], size: Size) -> NDArray[np.float32]:
    """Bilinear to another grid, in pixels of that grid; a flow longer than the picture is cut to its width or height.

    flow    : (H, W, 2) float32, pixels.
    size    : (h, w).
    Returns : (h, w, 2) float32, pixels of the new grid.
    """
    resized = flow_resize.resize_flow(np.asarray(flow, np.float32), *size)
    cut = np.empty_like(resized)
    for channel, longest in enumerate(size[::-1]):
        np.clip(resized[..., channel], -longest, longest, out=cut[..., channel])
    return cut


def resize_hole(hole: NDArray[np.bool_], size: Size, *, nearest: bool = False) -> NDArray[np.bool_]:
    """A hole on another grid.

    nearest : True samples single pixels, as the reference does; a thin wire then vanishes from a smaller grid.
              False marks every pixel that the hole touches, when a picture or flow is resized bilinearly, too.
    """
    if hole.shape == size:
        return hole
    modes = (cv2.INTER_NEAREST,) if nearest else (cv2.INTER_AREA, cv2.INTER_LINEAR)
    touched = [cv2.resize(hole.astype(np.float32), size[::-1], interpolation=mode) > 0 for mode in modes]
    return np.asarray(np.any(touched, axis=0))


def dilate(hole: NDArray[np.bool_], kernel: int) -> NDArray[np.bool_]:
    """Grow a hole by a square of `kernel` pixels; 0 and 1 leave it. An even kernel grows one more right and down."""
    if kernel < 2 or not hole.any():
        return hole
    return np.asarray(cv2.dilate(hole.astype(np.uint8), np.ones((kernel, kernel), np.uint8)) > 0)


def fill_initially(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The first guess inside the hole: harmonic fill at half size, enlarged again. Outside nothing changes.

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
    """A completed flow from a coarser grid, on a finer one: inside the hole only, or everywhere as in the reference.

    coarse : (h, w, 2) pixels of its grid.  known : (H, W, 2) pixels of its own.  hole : (H, W).
    """
    enlarged = resize_flow(coarse, (known.shape[0], known.shape[1]))
    return enlarged if everywhere else np.where(hole[..., None], enlarged, known)


def to_map(flow: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(h, w, 2) flow and (h, w) hole -> (3, h, w) float32."""
    return np.concatenate((flow.transpose(2, 0, 1), hole[None]), dtype=np.float32)


def window_numbers(centre: int, first: int, last: int) -> list[int]:
    """The 11 numbers centre-5 .. centre+5, those outside first .. last replaced by the nearer end."""
    return [min(max(number, first), last) for number in range(centre - REACH, centre + REACH + 1)]
