"""A mask that counts for some time of the video only: logo.png@0:10-0:45.5."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.fitting import fit_marks
from storage.media.masks.source import Marks, MaskSource
from storage.media.times import Span, frames_in


@dataclass(frozen=True)
class TimedMask:
    """A mask of any kind and the time in which it counts; outside it, nothing is a hole, also where it is inverted."""

    mask: MaskSource
    span: Span

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.mask.name}@{self.span}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files and folders it is read from."""
        return self.mask.paths

    def digest(self) -> str:
        """Return the SHA-256 of mask and time."""
        return hashlib.sha256(f"timed {self.mask.digest()} {self.span}".encode()).hexdigest()

    def frames(self, clip: Clip) -> tuple[int, int]:
        """Return the frames of a clip for which it counts, as first and stop (not included).

        Raises : InputError if its time lies outside the clip, or holds no frame.
        """
        return frames_in(clip, self.span, self.name)

    def open(self, clip: Clip, object_number: int | None = None, *, fit: bool = False) -> Marks:
        """Return what it marks in each frame of the clip; nothing outside its time.

        A mask with as many frames as the clip runs along with it; one with as many as its time holds begins with that;
        a single image stands all the time. Others are spread over the time if `fit` says so; see fit_marks.
        """
        first, stop = self.frames(clip)
        marks = self.mask.open(clip, object_number)
        if _is_whole(marks, clip):
            return _during(fit_marks(marks, self.name, clip, fit=fit), clip, first, stop)
        if marks.count != stop - first and not fit:
            raise InputError(
                f"{self.name}: the mask has {marks.count} frames, its time {stop - first}, the video "
                f"{clip.frame_count}; give a single image, a mask of that time or of the whole video, or spread it "
                "over its time with --set decode.fit_mask=true"
            )
        return _during(fit_marks(marks, self.name, _part(clip, first, stop), fit=fit), clip, first, stop, begins=first)


def _is_whole(marks: Marks, clip: Clip) -> bool:
    """Whether a mask is one of the whole clip: by its frames, or by how long it lasts."""
    if marks.count in (1, clip.frame_count):
        return True
    length = clip.time_of(clip.frame_count)
    return marks.rate is not None and abs(marks.count / marks.rate - length) <= 1 / clip.rate


def _part(clip: Clip, first: int, stop: int) -> Clip:
    """The clip as if it had frames first to stop only."""
    pts = None if clip.pts is None else tuple(tick - clip.pts[first] for tick in clip.pts[first:stop])
    return replace(clip, frame_count=stop - first, frames_found=stop - first, pts=pts)


def _during(marks: Marks, clip: Clip, first: int, stop: int, begins: int = 0) -> Marks:
    """Marks of frames first to stop of a clip, nothing before and after; those given begin at its frame `begins`."""

    def read(start: int, end: int) -> Iterator[np.ndarray]:
        since, until = max(start, first), min(end, stop)
        if since >= until:
            shown: Iterator[np.ndarray] = iter(())
        elif marks.count == 1:
            shown = repeat(next(marks.read(0, 1)))
        else:
            shown = marks.read(since - begins, until - begins)
        for t in range(start, end):
            yield next(shown) if first <= t < stop else np.zeros((clip.height, clip.width), np.uint8)

    return Marks(clip.height, clip.width, clip.frame_count, read)
