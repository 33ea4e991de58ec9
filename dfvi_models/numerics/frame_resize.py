"""Resizing of frames, for evaluation at the sizes papers use. Inpainting itself never resizes a frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError


def resize_frame(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Bring a frame to another size: the mean of the pixels covered where it shrinks, bilinear where it grows.

    frame   : (h, w, 3) uint8.
    Returns : (height, width, 3) uint8; the same array if the size is already right.
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
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=way), np.uint8)


def centre_square(frame: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The largest square in the middle of a frame (h, w, 3) uint8, brought to (side, side, 3). Raises as above."""
    height, width = frame.shape[:2]
    own = min(height, width)
    top, left = (height - own) // 2, (width - own) // 2
    return resize_frame(frame[top : top + own, left : left + own], side, side)


def resize_hole(hole: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Bring a hole (h, w) bool to another size by taking the nearest pixel, as E2FGVI and ProPainter do.

    Returns : (height, width) bool.
    Raises  : ShapeError if the hole is not (h, w) bool; ValueError if a side is below 1.
    """
    if hole.ndim != 2 or hole.dtype != np.bool_:
        raise ShapeError(f"hole must be (h, w) bool; got {hole.shape} {hole.dtype}")
    if min(height, width) < 1:
        raise ValueError(f"height and width must be at least 1 pixel; got {height} and {width}")
    picture = np.ascontiguousarray(hole).view(np.uint8)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8).view(np.bool_)
