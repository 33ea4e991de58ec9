"""Short loops of filled clips side by side: the same frames, the same part of each, around where doubt is highest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.review.framing import view_of_holes
from tasks.reporting.clip_review import review_frame
from tasks.reporting.frame_pictures import encode_jpeg, thumbnail
from tasks.reporting.run_results import ShownResults
from tasks.services.clip_pictures import fit_width

LOOKED_AT = 9  # frames of a clip, evenly spread, among which the most doubtful one is looked for
MOST_FRAMES = 16
WIDEST = 480  # pixels of a picture
SMALL = 168  # pixels of a thumbnail


@dataclass(frozen=True)
class Loop:
    """A short stretch of a video before, and as each of some runs filled it."""

    frames: Sequence[int]
    """Their numbers in the video."""
    rate: float
    before: Sequence[bytes]
    """JPEG of each frame."""
    after: Sequence[Sequence[bytes]]
    """Of each run the same."""
    worst: int
    """Number in the video of the most doubtful frame that was looked at."""
    doubt: float
    """Share of its hole that is likely wrong."""
    thumbnail: bytes
    """JPEG of that frame as the first run filled it."""

    def size(self) -> int:
        """Return the bytes of all pictures."""
        return sum(map(len, (self.thumbnail, *self.before, *(picture for one in self.after for picture in one))))


def make_loop(runs: Sequence[ShownResults], most_bytes: int, *, threads: int = 1) -> Loop:
    """Picture the stretch of a video about which the first of some runs knows least.

    runs       : all of the same video; at least one.
    most_bytes : of all pictures together, as far as one frame of each allows it.
    Raises     : DamagedStoreError if a frame cannot be read.
    """
    first = runs[0]
    count = min(len(run.taken) for run in runs)
    worst, doubt, small = _most_doubtful(first, count, threads)
    around = _around(worst, count, MOST_FRAMES)
    view = view_of_holes([first.shown.holes[first.taken.start + t] for t in around])
    sample = _pictures(runs, worst, view)
    room = max(min(most_bytes // max(sum(map(len, sample)), 1), MOST_FRAMES), 1)
    chosen = _around(worst, count, room)
    made = list(ordered_map(lambda t: _pictures(runs, t, view), chosen, threads))
    before, *after = zip(*made, strict=True)
    return Loop([first.start + t for t in chosen], first.rate, before, after, first.start + worst, doubt, small)


def _around(t: int, count: int, most: int) -> list[int]:
    start = min(max(t - most // 2, 0), max(count - most, 0))
    return list(range(start, min(start + most, count)))


def _most_doubtful(run: ShownResults, count: int, threads: int) -> tuple[int, float, bytes]:
    """Which frame it is, the share of its hole that is in doubt, and a small picture of it."""

    def look(t: int) -> tuple[float, int, int]:
        review = review_frame(run, run.taken.start + t)
        return review.doubt, sum(review.counts[1:]), t

    spread = sorted({int(t) for t in np.linspace(0, count - 1, LOOKED_AT).round()})
    doubt, hole, worst = max(ordered_map(look, spread, threads))
    small = thumbnail(review_frame(run, run.taken.start + worst), SMALL)
    return worst, round(doubt / hole, 4) if hole else 0.0, small


def _pictures(runs: Sequence[ShownResults], t: int, view: tuple[slice, slice]) -> list[bytes]:
    """One frame before, and as each run filled it."""
    images: list[NDArray[np.uint8]] = [runs[0].clip["frames"][runs[0].taken.start + t]]
    images += [run.shown.frames[run.taken.start + t] for run in runs]
    return [encode_jpeg(fit_width(np.ascontiguousarray(image[view]), WIDEST), "frame") for image in images]
