"""Resizing of optical flow: the grid changes, and with it the unit of the vectors."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError


def resize_flow(flow: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Bring a flow to another grid; vectors stay in pixels of the grid they stand on.

    flow    : (h, w, 2) float32, pixels of the (h, w) grid.
    Returns : (height, width, 2) float32, pixels of the new grid; the same array if the size is already right.
    Raises  : ShapeError if the flow is not (h, w, 2).
    Source  : reference code, `flow_tf`: bilinear with half-pixel centres, no antialiasing.
    """
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ShapeError(f"flow must be (h, w, 2); got {flow.shape}")
    if flow.shape[:2] == (height, width):
        return flow
    fitted = cv2.resize(np.ascontiguousarray(flow), (width, height), interpolation=cv2.INTER_LINEAR)
    resized = np.asarray(fitted, np.float32)
    for channel, scale in enumerate((width / flow.shape[1], height / flow.shape[0])):
        resized[..., channel] = resized[..., channel] * np.float64(scale)  # by a vector it takes three times as long
    return resized
