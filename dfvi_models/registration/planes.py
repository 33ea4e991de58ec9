"""Which homographies lead from a frame to a distant one: matched directly, or through the frames between."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.flow_estimation.dis import DisEstimator
from dfvi_models.registration.features import match_features
from dfvi_models.registration.homography import (
    FEWEST_INLIERS,
    Homography,
    Plane,
    fit_plane,
    is_plausible,
)
from dfvi_models.registration.shared_cache import SharedCache
from dfvi_models.registration.views import View

SURE_INLIERS = 25
"""Matches of a plane from which on it needs no other confirmation."""

NEAR_HOLE = 50
"""Working pixels around the hole's box in which a second plane is looked for."""

REMAINING_FLOW = DisEstimator("ultrafast", finest_scale=1)
"""Finds what is left between two aligned frames."""

PAIRS_HELD = 1024  # of matches; 5 KB each
GRID = 4  # working pixels between the places where flow is taken for a refit
FLOW_DISTANCE = 0.7  # working pixels a flow vector may miss a plane by
FLOW_AGREES = 0.6  # working pixels of forward-backward error
FEWEST_VECTORS = 40
MOST_UNSEEN = 0.85  # share of the picture; with less in common flow says nothing


@dataclass(frozen=True)
class Lead:
    """A homography from a frame to another, and how it was found."""

    homography: Homography
    """On the working grid, from the frame to the other."""
    matches: int
    """That follow it; of a chain none, of one refitted on flow up to SURE_INLIERS - 1."""


@dataclass(frozen=True)
class Pair:
    """What matches say about two frames."""

    first: NDArray[np.float32]
    """(M, 2) points of the first frame."""
    second: NDArray[np.float32]
    """(M, 2) the same of the second."""
    plane: Plane

    def reversed(self) -> "Pair":
        """The pair seen from the second frame."""
        back = None if self.plane.homography is None else np.asarray(np.linalg.inv(self.plane.homography), np.float64)
        return Pair(self.second, self.first, Plane(back, self.plane.inliers))


class PlaneFinder:
    """Finds planes between frames, and remembers what is matched already.

    view_of : the view of a frame by its number.
    """

    def __init__(self, view_of: Callable[[int], View]) -> None:
        self._view_of = view_of
        self._pairs: SharedCache[tuple[int, int], Pair] = SharedCache(self._match, PAIRS_HELD)

    def leads(self, t: int, other: int) -> list[Lead]:
        """Return the homographies from frame t to another: the dominant plane's, then one near the hole of t, if any.

        Where too few matches agree, the chain of neighbouring frames leads there, refitted on flow.
        """
        pair = self._pair(t, other)
        count = int(np.count_nonzero(pair.plane.inliers))
        found = []
        if pair.plane.homography is not None and count >= SURE_INLIERS:
            found.append(Lead(pair.plane.homography, count))
        else:
            found += self._weak_leads(t, other, pair.plane, count)
        if count >= FEWEST_INLIERS:
            found += self._near_hole(t, pair)
        return found

    def _match(self, key: tuple[int, int]) -> Pair:
        first, second = map(self._view_of, key)
        points = match_features(first.features, second.features)
        size = first.hole.shape
        return Pair(*points, fit_plane(*points, (size[0], size[1])))

    def _pair(self, t: int, other: int) -> Pair:
        pair = self._pairs[min(t, other), max(t, other)]
        return pair if t < other else pair.reversed()

    def _weak_leads(self, t: int, other: int, plane: Plane, count: int) -> list[Lead]:
        found = []
        chain = self._chain(t, other)
        if chain is not None:
            refitted, vectors = self._refit(t, other, chain)
            found.append(Lead(chain, 0) if refitted is None else Lead(refitted, min(vectors // 10, SURE_INLIERS - 1)))
        if plane.homography is not None:
            refitted, _ = self._refit(t, other, plane.homography)
            found.append(Lead(plane.homography if refitted is None else refitted, count))
        return found

    def _near_hole(self, t: int, pair: Pair) -> list[Lead]:
        """A second plane, of the matches around the hole that do not follow the first."""
        hole = self._view_of(t).hole
        if not hole.any():
            return []
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        x, y = pair.first.T
        near = (x > columns[0] - NEAR_HOLE) & (x < columns[-1] + NEAR_HOLE)
        near &= (y > rows[0] - NEAR_HOLE) & (y < rows[-1] + NEAR_HOLE) & ~pair.plane.inliers
        plane = fit_plane(pair.first[near], pair.second[near], (hole.shape[0], hole.shape[1]))
        count = int(np.count_nonzero(plane.inliers))
        return [Lead(plane.homography, count)] if plane.homography is not None and count >= FEWEST_INLIERS else []

    def _chain(self, t: int, other: int) -> Homography | None:
        """The product of the planes of all neighbours between; None where one of them is not found."""
        chain, step = np.eye(3), 1 if other > t else -1
        for at in range(t, other, step):
            link = self._pair(at, at + step).plane.homography
            if link is None:
                return None
            chain = link @ chain
        return chain

    def _refit(self, t: int, other: int, homography: Homography) -> tuple[Homography | None, int]:
        """The homography improved by flow between the frames it aligns, and the vectors that agree with it."""
        here, there = self._view_of(t), self._view_of(other)
        aligned, unseen = align(there, homography, (here.hole.shape[0], here.hole.shape[1]))
        unseen |= here.unseen
        if unseen.mean() > MOST_UNSEEN:
            return None, 0
        grey = np.where(unseen, here.grey, aligned)
        flow, error = aligned_flow(here.grey, grey)
        height, width = unseen.shape
        y, x = (axis.ravel() for axis in np.mgrid[GRID // 2 : height : GRID, GRID // 2 : width : GRID])
        good = ~unseen[y, x] & (error[y, x] < FLOW_AGREES)
        y, x = y[good], x[good]
        if len(y) < FEWEST_VECTORS:
            return None, 0
        points = np.stack([x, y], axis=1).astype(np.float32)
        plane = fit_plane(points, points + flow[y, x], (height, width), FLOW_DISTANCE)
        if plane.homography is None:
            return None, 0
        refitted = homography @ plane.homography
        return (refitted if is_plausible(refitted, (height, width)) else None), int(plane.inliers.sum())


def align(view: View, homography: Homography, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a view's grey as a frame of `size` (height, width) sees it, and where it shows nothing there.

    homography : from that frame to the view.
    """
    pull = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    grey = cv2.warpPerspective(view.grey, homography, size[::-1], flags=pull, borderMode=cv2.BORDER_REPLICATE)
    nearest = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    unseen = cv2.warpPerspective(view.unseen.view(np.uint8), homography, size[::-1], flags=nearest, borderValue=1)
    return np.asarray(grey, np.uint8), np.asarray(unseen > 0, np.bool_)


def aligned_flow(
    first: NDArray[np.uint8], second: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the flow (h, w, 2) left between two aligned grey pictures, and its forward-backward error (h, w)."""
    pair = REMAINING_FLOW.flow_between(first, second)
    height, width = first.shape
    to_x = np.arange(width, dtype=np.float32)[None] + pair.fw[..., 0]
    to_y = np.arange(height, dtype=np.float32)[:, None] + pair.fw[..., 1]
    back = cv2.remap(pair.bw, to_x, to_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    missed = pair.fw + back
    return pair.fw, np.asarray(cv2.magnitude(missed[..., 0], missed[..., 1]), np.float32)
