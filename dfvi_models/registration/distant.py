"""Colours for holes from distant frames of the same clip, each registered to the frame directly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.clip_checks import check_planes
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.protocols import Frames, Holes
from dfvi_models.registration.distant_fusion import (
    Candidate,
    DistantColours,
    ErrorModel,
    fuse_candidates,
    no_colours,
    predicted_log_error,
)
from dfvi_models.registration.evidence import Surroundings, gather_evidence, surroundings
from dfvi_models.registration.planes import PlaneFinder
from dfvi_models.registration.shared_cache import SharedCache
from dfvi_models.registration.views import RIM, View, look_at, working_scale

DISTANCES = (2, 4, 8, 16, 25)
"""In time, to each side, at which frames are registered, besides the first and the last one."""

SPARE_VIEWS = 14
"""Views of frames held, 1 MB each, besides those within the largest distance: the clip's ends, and what threads use."""

FRAMES_HELD_BYTES = 2**28
"""Full-size frames in memory at most; of small ones as many as there are views."""


class DistantFrames:
    """The frames of one clip, registered to each other as they are asked for.

    frames    : T of (H, W, 3) uint8 RGB; what stands in their holes is not looked at.
    holes     : T of (H, W) bool.
    distances : in time at which frames are registered, besides the first and the last one.
    Raises    : ShapeError if there are not as many holes as frames.
    """

    def __init__(
        self,
        frames: Frames,
        holes: Holes,
        distances: Sequence[int] = DISTANCES,
        model: ErrorModel | None = None,
    ) -> None:
        check_planes(len(frames), holes, "holes")
        self._frames, self._holes, self._model = frames, holes, model or ErrorModel()
        self._distances = tuple(distances)
        views = 2 * max(self._distances, default=0) + SPARE_VIEWS
        self._views: SharedCache[int, View] = SharedCache(lambda t: look_at(*self._full[t][:2]), views)
        size = np.asarray(holes[0]).size * 5 if len(holes) else 1  # bytes of a frame, its hole, and that grown
        self._full: SharedCache[int, tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]] = SharedCache(
            self._read, max(min(FRAMES_HELD_BYTES // size, views), 4)
        )
        self._planes = PlaneFinder(lambda t: self._views[t])

    def colours(self, t: int) -> DistantColours:
        """Return what distant frames show in the hole of frame t, in row-major order of its pixels."""
        _, hole, _ = self._full[t]
        pixels = np.flatnonzero(hole)
        if len(pixels) == 0:
            return no_colours(0)
        view = self._views[t]
        around = surroundings(view)
        candidates = self.candidates(t, around)
        shown = [self._full[one.frame] for one in candidates]
        size = (view.hole.shape[0], view.hole.shape[1])
        return fuse_candidates(candidates, [one[0] for one in shown], [one[2] for one in shown], pixels, around, size)

    def candidates(self, t: int, around: Surroundings) -> list[Candidate]:
        """Return the frames registered to frame t that show some of its hole."""
        found = []
        for other in references(t, len(self._frames), self._distances):
            for lead in self._planes.leads(t, other):
                evidence = gather_evidence(around, self._views[other], lead.homography)
                if evidence is None:
                    continue
                log_error = predicted_log_error(evidence, self._model)
                found.append(Candidate(other, lead.homography, evidence, log_error))
        return found

    def _read(self, t: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
        """A frame, its hole, and the hole grown by what mixes with it."""
        hole = np.ascontiguousarray(self._holes[t])
        return np.ascontiguousarray(self._frames[t]), hole, dilate_by_disc(hole, RIM * working_scale(*hole.shape))


def references(t: int, count: int, distances: Sequence[int] = DISTANCES) -> list[int]:
    """Return the frames of a clip of `count` that are registered to frame t, ascending; its neighbours are not."""
    near = {t + sign * offset for offset in distances for sign in (-1, 1)}
    return sorted(other for other in near | {0, count - 1} if 0 <= other < count and abs(other - t) > 1)
