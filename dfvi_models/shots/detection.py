"""Shot detection in one pass over the frames, with memory for a few hundred thumbnails however long the video is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dfvi_models.registration.shared_cache import SharedCache
from dfvi_models.shots.ramps import ends_of_ramp, straight_windows, without_flashes
from dfvi_models.shots.thumbnails import Blocks, Thumbnail, distance_one_way, scene_distance

CORE, MARGIN = 256, 128  # frames decided at a time, and those looked at on either side of them
BLOCKS_HELD = 64  # thumbnails cut into blocks, 0.14 MB each; a place is decided by some twenty around it
LEAST_CUT = 1.6  # scene distance across a cut; on the clips this was set on neighbours reach 1.45, cuts begin at 2.2
LEAST_RAMP = 1.7  # the same from end to end of a dissolve or fade
LEAST_JUMP = 5.0  # mean difference of coarse thumbnails, grey levels, below which no cut is looked for
BEFORE, AFTER = (1, 2, 3), (0, 1, 2)  # a flash or a thing that passes in two frames has related frames around it
BEYOND = (0, 3)  # frames beyond the ends of a ramp that are compared too: a flash at an end is over there
INTERLUDE = 3  # frames of a flash, or of a thing that passes, after which the old scene comes back
LEAST_CUT_BY_FLASH = 2.1  # scene distance across a cut beside one: saturated frames are like nothing
FLASH = 25.0  # grey levels by which the mean of a flash exceeds that of the frames before and after it
NEIGHBOURS = 5  # frames on either side that tell how far neighbours are apart here
STANDS_OUT = 2.0  # times the distance of those neighbours
LONGEST_BLACK = 30  # flat frames between a fade out and a fade in, of one change of shot
SAME_RAMP = 8  # frames between a ramp and another change that are one, broken by a flash
ABRUPT = 0.7  # share of the change from three frames before to two after that a cut to or from black makes at once


@dataclass(frozen=True, order=True)
class ShotChange:
    """Where one shot gives way to the next. Frames first <= t < stop are mixed or black; none are at a hard cut."""

    first: int
    stop: int

    @property
    def is_cut(self) -> bool:
        """Whether it is a hard cut: `first` is the first frame of the new shot."""
        return self.first == self.stop


def find_shot_changes(frames: Iterable[NDArray[np.uint8]]) -> list[ShotChange]:
    """Where shots change: hard cuts, dissolves and fades.

    frames  : (H, W, 3) uint8, in order; each is looked at once.
    Returns : changes, ascending, that do not overlap. Fast pans, flashes, shaking and things that pass are none.
    Raises  : ShapeError for anything that is no frame.
    Source  : ours. Cuts: distance after block matching, across all pairs around a place and relative to its
              surroundings, as adaptive thresholds of content detection are. Gradual changes: evenness over time, with
              ends that are far apart, as in twin comparison (Zhang et al. 1993).
    """
    found: list[ShotChange] = []
    for start, thumbnails, core in overlapping_parts(frames):
        changes = (ShotChange(start + c.first, start + c.stop) for c in changes_among(thumbnails))
        found += [change for change in changes if core[0] <= change.first < core[1]]
    return _apart(found)


def changes_among(thumbnails: list[Thumbnail]) -> list[ShotChange]:
    """Changes of shot in a short sequence that is looked at as a whole."""
    sequence = _Sequence(thumbnails)
    ramps = _ramps(sequence)
    inside = [range(ramp.first - 1, ramp.stop + 2) for ramp in ramps]
    cuts = [ShotChange(t, t) for t in sequence.cuts if not any(t in span for span in inside)]
    return _joined(sorted(ramps + cuts), sequence)


def shots_between(changes: Iterable[ShotChange], count: int) -> list[tuple[int, int]]:
    """Cut `count` frames at the changes into shots (first, stop); the frames of a gradual change are one of their own.

    >>> shots_between([ShotChange(3, 3), ShotChange(7, 9)], 12)
    [(0, 3), (3, 7), (7, 9), (9, 12)]
    """
    edges = sorted({0, count, *(edge for change in changes for edge in (change.first, change.stop))})
    inside = [edge for edge in edges if 0 <= edge <= count]
    return list(pairwise(inside))


class _Sequence:
    """Thumbnails and what is measured on them, each measure made once."""

    def __init__(self, thumbnails: list[Thumbnail]) -> None:
        self.thumbnails = thumbnails
        count = len(thumbnails)
        self.coarse = np.stack([thumbnail.coarse for thumbnail in thumbnails]).reshape(count, -1)
        self.jumps = np.zeros(count)
        self.jumps[1:] = np.abs(np.diff(self.coarse.astype(np.float32), axis=0)).mean(axis=1)
        self._blocks: SharedCache[int, Blocks] = SharedCache(lambda t: Blocks(thumbnails[t]), BLOCKS_HELD)
        self._distances: dict[tuple[int, int], float] = {}
        self.cuts = self._without_interludes([t for t in range(1, count) if self._is_cut(t)])

    def blocks(self, t: int) -> Blocks:
        return self._blocks[t]

    def distance(self, first: int, second: int) -> float:
        if (first, second) not in self._distances:
            self._distances[first, second] = scene_distance(self.blocks(first), self.blocks(second))
        return self._distances[first, second]

    def _is_cut(self, t: int) -> bool:
        """Whether frame t begins a shot by a hard cut."""
        if self.jumps[t] < LEAST_JUMP or distance_one_way(self.blocks(t - 1), self.blocks(t)) < LEAST_CUT:
            return False
        pairs = [(t - i, t + j) for i in BEFORE for j in AFTER if t - i >= 0 and t + j < len(self.thumbnails)]
        least = LEAST_CUT_BY_FLASH if self._flashes(t) else LEAST_CUT
        if any(self.distance(*pair) < least for pair in pairs):
            return False
        if self.blocks(t - 1).is_flat != self.blocks(t).is_flat and not self._is_abrupt(t):
            return False
        near = [k for k in range(t - NEIGHBOURS, t + NEIGHBOURS + 1) if 0 < k < len(self.thumbnails) and k != t]
        usual = float(np.median([self.distance(k - 1, k) for k in near])) if near else 0.0
        return self.distance(t - 1, t) >= STANDS_OUT * usual

    def _without_interludes(self, cuts: list[int]) -> list[int]:
        """Cuts without those around a few frames after which the old scene comes back."""
        pairs = [(a, b) for a, b in pairwise(cuts) if b - a <= INTERLUDE]
        back = {cut for a, b in pairs if self.distance(a - 1, b) < LEAST_CUT_BY_FLASH for cut in (a, b)}
        return [cut for cut in cuts if cut not in back]

    def ends_are_unlike(self, first: int, last: int) -> bool:
        """Whether frames first and last, and those beyond that a flash would leave alone, show different scenes."""
        count = len(self.thumbnails)
        pairs = [(first - i, last + j) for i in BEYOND for j in BEYOND if first - i >= 0 and last + j < count]
        return all(self.distance(*pair) >= LEAST_RAMP for pair in pairs)

    def _flashes(self, t: int) -> bool:
        """Whether a frame beside the place before t is far brighter than those before and after."""
        level = self.coarse.mean(axis=1)
        before, beside, after = level[max(0, t - 6) : max(0, t - 2)], level[max(0, t - 2) : t + 2], level[t + 2 : t + 6]
        around = max((float(np.median(part)) for part in (before, after) if len(part)), default=np.inf)
        return bool(beside.max() > around + FLASH)

    def _is_abrupt(self, t: int) -> bool:
        first, last = max(0, t - 3), min(len(self.coarse) - 1, t + 2)
        whole = np.abs(self.coarse[last].astype(np.float32) - self.coarse[first]).mean()
        return bool(self.jumps[t] >= ABRUPT * whole)


def _ramps(sequence: _Sequence) -> list[ShotChange]:
    """Gradual changes, the straightest windows first; what is found once is not found again."""
    pixels = without_flashes(sequence.coarse)
    taken = np.zeros(len(pixels), bool)
    found = []
    for window in straight_windows(pixels):
        first, last = window.centre - window.half, window.centre + window.half
        if taken[window.centre] or any(first < cut <= last for cut in sequence.cuts):
            continue
        if not sequence.ends_are_unlike(first, last):
            continue
        change = ShotChange(*ends_of_ramp(pixels, window))
        if not taken[change.first : change.stop].any() and change.first < change.stop:
            taken[change.first : change.stop] = True
            found.append(change)
    return sorted(found)


def _joined(changes: list[ShotChange], sequence: _Sequence) -> list[ShotChange]:
    """Changes with those made one that belong together: the parts of a ramp that a flash broke, a fade out and in."""
    joined: list[ShotChange] = []
    for change in changes:
        if joined and _are_one(joined[-1], change, sequence):
            joined[-1] = ShotChange(joined[-1].first, max(joined[-1].stop, change.stop))
        else:
            joined.append(change)
    return joined


def _are_one(before: ShotChange, after: ShotChange, sequence: _Sequence) -> bool:
    gap = after.first - before.stop
    if before.is_cut and after.is_cut:
        return False
    if before.is_cut or after.is_cut or gap <= SAME_RAMP:
        return gap <= SAME_RAMP
    return gap <= LONGEST_BLACK and all(sequence.blocks(t).is_flat for t in range(before.stop, after.first))


def _apart(changes: list[ShotChange]) -> list[ShotChange]:
    """Changes in order; of two that overlap the first."""
    kept: list[ShotChange] = []
    for change in sorted(changes):
        if not kept or change.first >= max(kept[-1].stop, kept[-1].first + 1):
            kept.append(change)
    return kept


def overlapping_parts(frames: Iterable[NDArray[np.uint8]]) -> Iterator[tuple[int, list[Thumbnail], tuple[int, int]]]:
    """Number of the first thumbnail, thumbnails, and the span of frames that is decided with them."""
    held: list[Thumbnail] = []
    start = decided = 0
    for frame in frames:
        held.append(Thumbnail.of(frame))
        if start + len(held) == decided + CORE + MARGIN:
            yield start, held, (decided, decided + CORE)
            decided += CORE
            dropped = max(0, decided - MARGIN - start)
            held, start = held[dropped:], start + dropped
    if held and start + len(held) > decided:
        yield start, held, (decided, start + len(held))
