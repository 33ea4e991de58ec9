"""A frame as registration looks at it: at a working size of about 240 rows, whatever the size of the video."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.registration.features import Features, find_features

WORKING_PIXELS = 432 * 240
"""What features, matches and evidence are looked for in; colours are always sampled at full size."""

GREY_TOLERANCE = 1.0  # grey levels: the filled hole only keeps flow from seeing an edge there
RIM = 2
"""Working pixels around a hole that mix with what stands in it."""


@dataclass(frozen=True)
class View:
    """One frame at the working size."""

    colour: NDArray[np.uint8]
    """(h, w, 3) RGB."""
    hole: NDArray[np.bool_]
    """(h, w): True where any pixel of the frame is hole."""
    unseen: NDArray[np.bool_]
    """(h, w): the hole and RIM pixels around it."""
    grey: NDArray[np.uint8]
    """(h, w), smooth where unseen."""
    features: Features
    """Outside the hole."""


def working_scale(height: int, width: int) -> int:
    """Return the whole number, 1 or more, that brings a frame of this size nearest to WORKING_PIXELS."""
    return max(round(float(np.sqrt(height * width / WORKING_PIXELS))), 1)


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return height and width of the view of a frame of this size."""
    times = working_scale(height, width)
    return max(height // times, 1), max(width // times, 1)


def look_at(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> View:
    """Return the view of a frame (H, W, 3) uint8 RGB with its hole (H, W) bool. Raises ShapeError if they differ."""
    if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or hole.shape != frame.shape[:2]:
        raise ShapeError(
            f"expected a frame (H, W, 3) uint8 and its hole (H, W); got {frame.shape} {frame.dtype} and {hole.shape}"
        )
    height, width = working_size(*hole.shape)
    colour, hole = np.ascontiguousarray(frame), np.ascontiguousarray(hole)
    if (height, width) != hole.shape:
        shares = hole.astype(np.float32)
        colour = np.asarray(cv2.resize(colour, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        hole = np.asarray(cv2.resize(shares, (width, height), interpolation=cv2.INTER_AREA) > 0, np.bool_)
    grey = np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8)
    unseen = dilate_by_disc(hole, RIM)
    grey = _without_hole(grey, unseen)
    return View(colour, hole, unseen, grey, find_features(grey, hole))


def _without_hole(grey: NDArray[np.uint8], unseen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    if not unseen.any():
        return grey
    smooth = fill_smooth(grey[..., None].astype(np.float32), unseen, tolerance=GREY_TOLERANCE)
    return np.clip(np.rint(smooth[..., 0]), 0, 255).astype(np.uint8)
