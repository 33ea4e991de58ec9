"""Resizing of frames and of optical flow; for holes see `holes`."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError


def resize_flow(flow: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Resize a flow to another grid and scale its vectors, so that they are pixels of that grid.

    flow    : (h, w, 2) float32, pixels of the (h, w) grid.
    Returns : (height, width, 2) float32, pixels of the new grid; the same array if the size is already right.
    Raises  : ShapeError if the flow is not (h, w, 2).
    Source  : reference code, `flow_tf`: bilinear with half-pixel centres, no antialiasing.
    """
    if flow.ndim != 3 or flow.shape[-1] != 2:
        raise ShapeError(f"flow must be (h, w, 2); got {flow.shape}")
    if flow.shape[:2] == (height, width):
        return flow
    resized = np.asarray(
        cv2.resize(np.ascontiguousarray(flow), (width, height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    for channel, scale in enumerate((width / flow.shape[1], height / flow.shape[0])):
        resized[..., channel] = resized[..., channel] * np.float64(scale)  # by a vector it takes three times as long
    return resized


def resize_frame(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a frame, for evaluation at the sizes papers use. Inpainting itself never resizes a frame.

    frame   : (h, w, 3) uint8.
    Returns : (height, width, 3) uint8: the mean of the pixels covered where the frame shrinks, bilinear where it
              grows; the same array if the size is already right.
    Raises  : ShapeError if the frame is not (h, w, 3) uint8; ValueError if a side is below 1.
    Source  : OpenCV's INTER_AREA and INTER_LINEAR, half-pixel centres.
    """
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
        raise ShapeError(f"frame must be (h, w, 3) uint8; got {frame.shape} {frame.dtype}")
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1 pixel; got {height} and {width}")
    if frame.shape[:2] == (height, width):
        return frame
    shrinks = height * width < frame.shape[0] * frame.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=interpolation), np.uint8)


def centre_square(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Cut the largest square out of the middle of a frame (h, w, 3) uint8 and resize it to (side, side, 3).

    Raises : as `resize_frame`.
    """
    height, width = frame.shape[:2]
    own = min(height, width)
    top, left = (height - own) // 2, (width - own) // 2
    return resize_frame(frame[top : top + own, left : left + own], side, side)
