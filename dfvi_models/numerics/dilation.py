"""Growing of holes."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError


def dilate(hole: NDArray[np.bool_], radius: int) -> NDArray[np.bool_]:
    """Grow a hole by a disc: a pixel becomes hole if one lies within about `radius` pixels.

    hole    : (H, W) bool.
    radius  : pixels, >= 0; 0 gives a copy. The disc is OpenCV's (2 radius + 1)-pixel ellipse.
    Returns : (H, W) bool.
    Raises  : ShapeError if the hole is not (H, W) bool; ValueError if the radius is negative.
    Source  : quality-tested; the reference grows by a square whose even sizes reach further right and down.
    """
    if hole.ndim != 2 or hole.dtype != np.bool_:
        raise ShapeError(f"hole must be (H, W) bool; got {hole.shape} {hole.dtype}")
    if radius < 0:
        raise ValueError(f"radius must be 0 px or more; got {radius}")
    grown = hole.copy()
    if radius == 0 or not hole.any():
        return grown
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    reached = _reached(hole.any(axis=1), radius), _reached(hole.any(axis=0), radius)
    grown[reached] = cv2.dilate(np.ascontiguousarray(hole[reached]).view(np.uint8), disc).view(np.bool_)
    return grown


def _reached(occupied: Any, radius: int) -> slice:
    """The part of an axis that a hole with something in these rows or columns can grow into."""
    places = np.flatnonzero(occupied)
    return slice(max(int(places[0]) - radius, 0), int(places[-1]) + radius + 1)
