"""How fast the picture around a hole moves, seen on small pictures. NumPy and OpenCV."""

from collections.abc import Collection

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_estimation.dis import DisEstimator
from dfvi_models.shots.regions import Bounds

SMALL_SIDE = 144
"""Rows or columns, whichever are fewer, of the pictures that motion is looked for in."""

RING = 0.15
"""Of the shorter side, around a hole's bounding box, in which motion counts."""

SHARE_SLOWER = 0.75
"""Of that ring's pixels: faster things that pass in a small part of it do not count."""

FLOW = DisEstimator("ultrafast")


def small_grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey picture (h, w) of a frame (H, W, 3) uint8 RGB, its shorter side SMALL_SIDE or less."""
    height, width = frame.shape[:2]
    times = max(min(height, width) // SMALL_SIDE, 1)
    whole = np.ascontiguousarray(frame[: height // times * times, : width // times * times])  # 10 times as fast
    small = cv2.resize(whole, (width // times, height // times), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def nearby_motion(
    before: NDArray[np.uint8], now: NDArray[np.uint8], boxes: Collection[Bounds], height: int, width: int
) -> dict[Bounds, float]:
    """Return how far the picture around each hole moves from one frame to the next, pixels of the frame.

    before, now   : their small grey pictures.
    boxes         : bounding boxes of the holes of either frame, in pixels of the frame.
    height, width : of the frame.
    Returns       : by box; 0 for one that fills the frame.
    """
    flow = FLOW.flow_between(before, now).fw
    length = np.hypot(flow[..., 0], flow[..., 1])
    scale = min(height, width) / min(length.shape)
    return {box: scale * _around(length, [edge / scale for edge in box]) for box in boxes}


def _around(length: NDArray[np.float32], box: list[float]) -> float:
    """What most of the ring around a box is slower than."""
    ring = RING * min(length.shape)
    inside = np.zeros(length.shape, np.bool_)
    inside[_slices(box, ring)] = True
    inside[_slices(box, 0)] = False
    return float(np.quantile(length[inside], SHARE_SLOWER)) if inside.any() else 0.0


def _slices(box: list[float], margin: float) -> tuple[slice, slice]:
    y0, x0, y1, x1 = box
    return tuple(  # type: ignore[return-value]
        slice(max(int(first - margin), 0), int(np.ceil(last + margin))) for first, last in ((y0, y1), (x0, x1))
    )
