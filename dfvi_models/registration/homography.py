"""Homographies between two frames: fitted to matches, checked for what a camera can do, and moved between grids."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

Homography = NDArray[np.float64]
"""(3, 3): takes (x, y, 1) of one frame to another's, up to its third number."""

INLIER_DISTANCE = 1.5
"""Pixels of the working size by which a match may miss; MAGSAC weighs those below by how near they are."""

MOST_TRIALS = 2000
CONFIDENCE = 0.999

FEWEST_INLIERS = 12
"""Matches that must agree before a plane is believed at all."""

SMALLEST_CHANGE, LARGEST_CHANGE = 0.1, 10.0
"""Of the picture's area; beyond them a fit has collapsed."""


@dataclass(frozen=True)
class Plane:
    """What one plane of the scene does between two frames."""

    homography: Homography | None
    """From the first frame to the second; None where nothing plausible was found."""
    inliers: NDArray[np.bool_]
    """(M,) the matches that follow it; all False without a homography."""


def fit_plane(
    first: NDArray[np.float32], second: NDArray[np.float32], size: tuple[int, int], distance: float = INLIER_DISTANCE
) -> Plane:
    """Fit the homography that most matches follow.

    first    : (M, 2) float32, x and y in the first frame.
    second   : (M, 2) float32, where these are in the second one.
    size     : height and width of the first frame, pixels.
    distance : largest error of a match that still counts, pixels.
    Returns  : Plane; the same for the same matches.
    Raises   : ShapeError if the points are not in pairs.
    Source   : Barath et al., MAGSAC++, CVPR 2020, by OpenCV, whose random numbers start alike at each call.
    """
    if first.shape != second.shape or first.ndim != 2 or first.shape[1] != 2:
        raise ShapeError(f"matches must be two lists (M, 2) of points; got {first.shape} and {second.shape}")
    none = Plane(None, np.zeros(len(first), np.bool_))
    if len(first) < FEWEST_INLIERS:
        return none
    found, inliers = cv2.findHomography(
        first, second, cv2.USAC_MAGSAC, distance, maxIters=MOST_TRIALS, confidence=CONFIDENCE
    )
    if found is None or not is_plausible(np.asarray(found), size):
        return none
    return Plane(np.asarray(found, np.float64), np.asarray(inliers)[:, 0] > 0)


def is_plausible(homography: Homography, size: tuple[int, int]) -> bool:
    """Return whether the frame's outline stays convex, the right way round, and of a size a camera could see it at."""
    height, width = size
    outline = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], np.float64)
    third = outline[:, 0] @ homography[2, :2] + homography[2, 2]
    if not np.isfinite(homography).all() or third.min() <= 0:  # a corner would lie behind the camera
        return False
    seen = cv2.perspectiveTransform(outline, homography).astype(np.float32)
    change = cv2.contourArea(seen, oriented=True) / (width * height)
    return SMALLEST_CHANGE < change < LARGEST_CHANGE and bool(cv2.isContourConvex(seen))


def to_larger_grid(homography: Homography, size: tuple[int, int], larger: tuple[int, int]) -> Homography:
    """Bring a homography between frames of `size` (height, width) to the same frames at another size.

    Pixels are squares: centre (x + 1/2) / width of one grid is that of the other, as OpenCV resizes.
    """
    scale_y, scale_x = larger[0] / size[0], larger[1] / size[1]
    enlarge = np.array([[scale_x, 0, (scale_x - 1) / 2], [0, scale_y, (scale_y - 1) / 2], [0, 0, 1]], np.float64)
    return np.asarray(enlarge @ homography @ np.linalg.inv(enlarge), np.float64)


def moved_to_box(homography: Homography, top: int, left: int) -> Homography:
    """The same for pixels counted from the corner (left, top) of a box of the first frame."""
    shift = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
    return np.asarray(homography @ shift, np.float64)
