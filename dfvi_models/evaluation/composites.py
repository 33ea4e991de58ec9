"""Objects of one clip laid over another, so that a hole has what real ones have: blurred edges around it and shadows.

Holes cut into clean pictures have clean rims. What is removed in earnest does not: its edges are mixed with the
background by motion, and its shadow falls on what stays.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

SHUTTER = 0.5
"""Share of the time between two frames for which the shutter is open: motion blurs edges over so much of its way."""

LONGEST_BLUR = 15  # pixels
EDGE = 0.8  # pixels: sigma of the lens
CONTACT_DARKNESS, CAST_DARKNESS = 0.5, 0.35
FOOT = 0.2  # of an object's height: what touches the ground
CONTACT_SOFTNESS, CAST_SOFTNESS = 0.03, 0.02  # sigma, of the frame's height
CAST_LENGTH = 0.35  # of an object's height: how far its shadow reaches along the ground


@dataclass(frozen=True)
class Overlay:
    """What is laid over a frame."""

    picture: NDArray[np.uint8]
    """(H, W, 3) RGB; only what the mask marks is looked at."""
    mask: NDArray[np.bool_]
    """(H, W) the object, with hard edges."""
    motion: tuple[float, float]
    """Its motion to the next frame: pixels right, pixels down."""
    shadow: float | None
    """Where its shadow falls: pixels to the right for each pixel of its height; None if it has no shadow."""


def lay_over(frame: NDArray[np.uint8], overlay: Overlay) -> NDArray[np.uint8]:
    """Lay an object over a frame: a cast shadow and one where it touches the ground, then itself, its edges blurred.

    frame   : (H, W, 3) uint8 RGB.
    overlay : the object; see `Overlay`.
    Returns : (H, W, 3) uint8.
    Raises  : ShapeError if sizes differ.
    """
    if frame.ndim != 3 or overlay.picture.shape != frame.shape or overlay.mask.shape != frame.shape[:2]:
        raise ShapeError(
            f"frame, picture (H, W, 3) and mask (H, W) must agree; "
            f"got {frame.shape}, {overlay.picture.shape} and {overlay.mask.shape}"
        )
    if not overlay.mask.any():
        return frame.copy()
    ground = frame.astype(np.float32)
    if overlay.shadow is not None:
        ground *= (1 - CAST_DARKNESS * _cast(overlay.mask, overlay.shadow))[..., None]
        ground *= (1 - CONTACT_DARKNESS * _contact(overlay.mask))[..., None]
    share = overlay.mask.astype(np.float32)
    # Blurred together, so that no colour from around the object in its own clip comes along.
    colour = _blurred(overlay.picture * share[..., None], overlay.motion)
    share = _blurred(share, overlay.motion)[..., None]
    return np.clip(np.rint(colour + (1 - share) * ground), 0, 255).astype(np.uint8)


def centre_of(mask: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Return the mean x and y of a mask's pixels; None if it is empty."""
    y, x = np.nonzero(mask)
    return (float(x.mean()), float(y.mean())) if len(x) else None


def _blurred(plane: NDArray[np.float32], motion: tuple[float, float]) -> NDArray[np.float32]:
    """Smeared along the way the object goes while the shutter is open, then softened by the lens."""
    length = min(SHUTTER * float(np.hypot(*motion)), LONGEST_BLUR)
    if length > 1:
        side = 2 * int(np.ceil(length / 2)) + 3
        kernel = np.zeros((side, side), np.float32)
        reach = np.array(motion) / np.hypot(*motion) * length / 2
        for at in np.linspace(-1, 1, 8 * side):  # dense enough that each pixel of the line is met
            x, y = np.rint(side // 2 + at * reach).astype(int)
            kernel[y, x] += 1
        plane = np.asarray(cv2.filter2D(plane, -1, kernel / kernel.sum()), np.float32)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), EDGE), np.float32)


def _contact(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Darkness beneath an object: its foot, wider and flatter."""
    height = mask.shape[0]
    rows = np.flatnonzero(mask.any(axis=1))
    foot = mask.astype(np.float32)
    foot[: rows[-1] - int(FOOT * (rows[-1] - rows[0] + 1))] = 0
    wide = max(int(CONTACT_SOFTNESS * height), 1)
    grown = cv2.dilate(foot, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (4 * wide + 1, 2 * wide + 1)))
    return np.asarray(cv2.GaussianBlur(grown, (0, 0), wide), np.float32)


def _cast(mask: NDArray[np.bool_], slant: float) -> NDArray[np.float32]:
    """The object's shape laid flat on the ground, away from the light."""
    height, width = mask.shape
    bottom = float(np.flatnonzero(mask.any(axis=1))[-1])
    # a point h above the bottom goes slant * h to the side, and CAST_LENGTH * h above the bottom
    flat = np.array([[1, -slant, slant * bottom], [0, CAST_LENGTH, (1 - CAST_LENGTH) * bottom]], np.float64)
    laid = cv2.warpAffine(mask.astype(np.float32), flat, (width, height), flags=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(laid, (0, 0), max(CAST_SOFTNESS * height, 0.5)), np.float32)
