"""Holes that grow over what the mask left out: the blurred edge of what is removed, and the shadow beneath it.

    for t, hole in grow_holes(frames, holes, wanted=range(len(frames))):
        ...  # hole is holes[t] and what was added, (H, W) bool

The frames are those of one shot. Nothing is added where other frames do not show the place, or do not agree.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.clip_checks import check_planes, wanted_numbers
from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes
from dfvi_models.registration.distant import references
from dfvi_models.registration.homography import Homography, moved_to_box
from dfvi_models.registration.planes import PlaneFinder
from dfvi_models.registration.shared_cache import SharedCache
from dfvi_models.registration.views import View, look_at
from dfvi_models.rims.differences import Differing, Shown, differing

REACH = 0.15
"""Of the frame's shorter side: how far a hole may grow by itself."""

DISTANCES = (3, 7, 14, 25)
"""In time, to each side, of the frames that are compared, besides the first and the last one."""

CLEARANCE = 2
"""Working pixels by which a place must lie farther from the other frame's hole: that one has a rim and a shadow too."""

LARGEST_SHARE = 1.0
"""Of the hole's own pixels that may be added at most."""

VOTERS = 4
"""Frames before and after that vote, moved along with the hole: what goes with the thing is there in most of those that
can tell. On blobs in 12 natural clips 71 % of what is wrong is found, 62 % with 2 and a vote against by who cannot."""

LEAST_SHARE = 0.004
"""Of the pixels within reach of a hole that must surely be shaded in three of four frames around, for any to join. In
20 natural clips clean holes have 0.002 at most, blobs that cast shadows 0.004 at least, most of them 0.02."""

PROBED_SHARE, FEWEST_SHADED = LEAST_SHARE / 2, 2
"""Of every STRIDE-th frame around, so many must show so large a share shaded, each by itself; only then do all frames
vote. In 14 shots with blobs on natural clips, half of them with shadows, this changes no hole."""

LEAST_PART = 0.002
"""Of the same pixels that a connected part must have to join."""

SPAN, STRIDE = 8, 4
"""Frames before and after over which LEAST_SHARE is taken, and of which every STRIDE-th is looked at."""

SOFT_EDGE = 3  # working pixels added around what was found: shadows fade out
GAP = 4  # working pixels: narrower ones between the hole and what was found are closed
JOINT = 2  # working pixels of the hole that are brought to the full grid along with what is added
TOUCHING = 3  # working pixels by which what was found may lie off the hole
VIEWS_HELD = 2 * max(DISTANCES) + 2 * VOTERS + 2 * SPAN + 16
MASKS_HELD = 2 * SPAN + 2 * VOTERS + 24


def grow_holes(
    frames: Frames, holes: Holes, *, wanted: Sequence[int], reach: float = REACH, threads: int = 1
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Grow holes over the edges and shadows beside them that belong to what is removed.

    frames  : T of (H, W, 3) uint8 RGB, of one shot; what stands in the holes is not looked at.
    holes   : T of (H, W) bool.
    wanted  : frame numbers to yield, ascending.
    reach   : 0 to 1, of the frame's shorter side; 0 adds nothing.
    threads : frames worked on at once; the result is the same for every number.
    Yields  : (t, (H, W) bool): the hole and what was added, no farther than reach from it, and no more pixels than
              LARGEST_SHARE of its own. Empty holes stay empty.
    Raises  : ShapeError if there are not as many holes as frames; ValueError if reach is not in 0 to 1.
    """
    check_planes(len(frames), holes, "holes")
    if not 0 <= reach <= 1:
        raise ValueError(f"reach must lie between 0 and 1 of the frame's shorter side; got {reach}")
    numbers = wanted_numbers(wanted, len(frames), "frames")
    rims = _Rims(frames, holes, reach)
    return ordered_map(lambda t: (t, rims.grown(t)), numbers, threads)


class _Voted(NamedTuple):
    """What the frames around one frame agree on, on the working grid."""

    added: NDArray[np.bool_]
    """(h, w) what may join the hole."""
    share: float
    """Of the pixels within reach that are surely shaded."""


class _Rims:
    """The rims of all holes of a shot, found as they are asked for."""

    def __init__(self, frames: Frames, holes: Holes, reach: float) -> None:
        self._count, self._holes, self._reach = len(frames), holes, reach
        self._views: SharedCache[int, View] = SharedCache(lambda t: look_at(frames[t], holes[t]), VIEWS_HELD)
        self._distances: SharedCache[int, NDArray[np.float32]] = SharedCache(self._distance, VIEWS_HELD)
        self._found: SharedCache[int, Differing] = SharedCache(self._differing, MASKS_HELD)
        self._voted: SharedCache[int, _Voted] = SharedCache(self._vote, MASKS_HELD)
        self._planes = PlaneFinder(lambda t: self._views[t])

    def grown(self, t: int) -> NDArray[np.bool_]:
        """The hole of frame t on the full grid, and what is added to it."""
        hole = np.ascontiguousarray(self._holes[t])
        if self._reach == 0 or not hole.any() or not self._may_be_shaded(t):
            return hole
        added = self._voted[t].added
        if not added.any() or self._share_around(t) < LEAST_SHARE:
            return hole
        added = _nearest(added, self._distances[t], int(LARGEST_SHARE * np.count_nonzero(self._views[t].hole)))
        # On the working grid the hole is a little larger; without what lies beside it, a line would stay between both.
        joined = added | (self._views[t].hole & dilate_by_disc(added, JOINT))
        height, width = hole.shape
        full = cv2.resize(joined.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        return hole | (np.asarray(full) > 0.5)

    def _may_be_shaded(self, t: int) -> bool:
        """Whether some frames around t leave it open that a shadow joins; saves the vote of all the others."""
        first = max(t - SPAN, 0) // STRIDE * STRIDE
        around = [p for p in range(first, min(t + SPAN + 1, self._count), STRIDE) if self._views[p].hole.any()]
        shaded = (True for p in around if self._shaded_share(p) >= PROBED_SHARE)
        return len(around) < FEWEST_SHADED or len([*islice(shaded, FEWEST_SHADED)]) == FEWEST_SHADED

    def _shaded_share(self, t: int) -> float:
        """Of the pixels within reach of the hole, those that frame t by itself tells to be shaded."""
        hole = self._views[t].hole
        reach = np.asarray(~hole & (self._distances[t] <= self._working_reach(hole)), np.bool_)
        shaded = _connected(self._found[t].shaded & reach, dilate_by_disc(hole, TOUCHING))
        return np.count_nonzero(shaded) / max(int(np.count_nonzero(reach)), 1)

    def _share_around(self, t: int) -> float:
        """Share of the pixels within reach that are surely shaded, lower quartile of the frames around t."""
        around = (other for other in range(t - SPAN, t + SPAN + 1, STRIDE) if 0 <= other < self._count)
        return float(np.quantile([self._voted[other].share for other in around if self._views[other].hole.any()], 0.25))

    def _vote(self, t: int) -> _Voted:
        """What most frames around t found, where it lies beside the hole, on the working grid."""
        hole, distance = self._views[t].hole, self._distances[t]
        if not hole.any():
            return _Voted(hole, 0.0)
        reach = np.asarray(~hole & (distance <= self._working_reach(hole)), np.bool_)
        shaded, doubtful = self._most_found(t)
        beside = dilate_by_disc(hole, TOUCHING)
        shaded = _connected(shaded & reach, beside)
        found = _connected((shaded | doubtful) & reach, beside & shaded)
        added = _without_gaps(dilate_by_disc(found, SOFT_EDGE), hole) & reach
        within = int(np.count_nonzero(reach))
        return _Voted(_large_parts(added, LEAST_PART * within), np.count_nonzero(shaded) / max(within, 1))

    def _most_found(self, t: int) -> list[NDArray[np.bool_]]:
        """What most of the frames around that can tell found shaded, and what doubtful, moved along with the hole."""
        here, size = _middle(self._views[t].hole), self._views[t].hole.shape
        votes = np.zeros((3, *size), np.float32)
        for other in range(max(t - VOTERS, 0), min(t + VOTERS + 1, self._count)):
            there = self._views[other].hole
            if there.any():
                right, down = here - _middle(there)
                move = np.array([[1, 0, right], [0, 1, down]], np.float32)
                for total, vote in zip(votes, self._found[other], strict=True):
                    total += cv2.warpAffine(vote.astype(np.float32), move, size[::-1], flags=cv2.INTER_NEAREST)
        return [np.asarray(found > 0.5 * votes[-1], np.bool_) for found in votes[:-1]]

    def _differing(self, t: int) -> Differing:
        """Where frame t differs from others around its hole, and where that can be told, on the working grid."""
        view, distance = self._views[t], self._distances[t]
        whole = Differing(*np.zeros((3, *view.hole.shape), np.bool_))
        if not view.hole.any():
            return whole
        reach = self._working_reach(view.hole)
        box = _box(view.hole, 2 * round(reach) + 1)
        near = distance[box]
        shown = []
        for other in references(t, self._count, DISTANCES):
            for lead in self._planes.leads(t, other)[:1]:
                shown.append(self._seen_from(other, lead.homography, box, near))
        for plane, part in zip(whole, differing(view.colour[box], near, reach, shown), strict=True):
            plane[box] = part
        return whole

    def _seen_from(
        self, other: int, homography: Homography, box: tuple[slice, slice], near: NDArray[np.float32]
    ) -> Shown:
        pull, size = moved_to_box(homography, box[0].start, box[1].start), near.shape[::-1]
        linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        colour = cv2.warpPerspective(self._views[other].colour, pull, size, flags=linear)
        clear = cv2.warpPerspective(self._distances[other], pull, size, flags=linear, borderValue=-1)
        return Shown(np.asarray(colour, np.uint8), np.asarray(clear > near + CLEARANCE, np.bool_))

    def _distance(self, t: int) -> NDArray[np.float32]:
        """Working pixels to the hole of frame t; far where it has none."""
        hole = self._views[t].hole
        if not hole.any():
            return np.full(hole.shape, sum(hole.shape), np.float32)
        return np.asarray(cv2.distanceTransform((~hole).view(np.uint8), cv2.DIST_L2, 3), np.float32)

    def _working_reach(self, hole: NDArray[np.bool_]) -> float:
        return float(max(self._reach * min(hole.shape), 1.0))


def _middle(hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean x and y of a hole's pixels."""
    y, x = np.nonzero(hole)
    return np.array([x.mean(), y.mean()])


def _box(hole: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    return (
        slice(max(int(rows[0]) - margin, 0), min(int(rows[-1]) + margin + 1, hole.shape[0])),
        slice(max(int(columns[0]) - margin, 0), min(int(columns[-1]) + margin + 1, hole.shape[1])),
    )


def _connected(found: NDArray[np.bool_], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of what was found that touch the start."""
    _, label = cv2.connectedComponents(found.view(np.uint8), connectivity=8)
    label = np.asarray(label)
    touching = np.unique(label[start & found])
    return np.asarray(found & np.isin(label, touching), np.bool_)


def _without_gaps(found: NDArray[np.bool_], hole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What was found outside the hole, and the narrow gaps beside it; those of the hole's own outline stay."""
    if not found.any():
        return found
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GAP + 1, 2 * GAP + 1))
    closed = np.asarray(cv2.morphologyEx((found | hole).view(np.uint8), cv2.MORPH_CLOSE, disc)) > 0
    return np.asarray((found | (closed & dilate_by_disc(found, GAP))) & ~hole, np.bool_)


def _large_parts(found: NDArray[np.bool_], fewest: float) -> NDArray[np.bool_]:
    """The connected parts of at least so many pixels."""
    _, label, statistics, _ = cv2.connectedComponentsWithStats(found.view(np.uint8), connectivity=8)
    large = np.asarray(statistics)[:, cv2.CC_STAT_AREA] >= fewest
    return np.asarray(found & large[np.asarray(label)], np.bool_)


def _nearest(added: NDArray[np.bool_], distance: NDArray[np.float32], most: int) -> NDArray[np.bool_]:
    """At most so many pixels, those nearest to the hole."""
    count = int(np.count_nonzero(added))
    if count <= most:
        return added
    farthest = np.partition(distance[added], most)[most]
    return np.asarray(added & (distance < farthest), np.bool_)
