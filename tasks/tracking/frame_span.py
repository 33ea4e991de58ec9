"""Some frames of a video, at the size of tracking, as a stage reads them: known by their content alone."""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.resizing import resize_frame
from storage.cache.stage_key import DIGEST_LENGTH
from storage.media.clip import Clip
from storage.media.video.frame_seeking import FrameSeeker
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Job, StageResult

HELD = 24
"""Frames that are held; as many are read at once where they are asked for in reverse."""


class FrameReader:
    """Reads frames of a video at the size of tracking, in any order; a few are held. For one thread at a time."""

    def __init__(self, clip: Clip, size: tuple[int, int]) -> None:
        """Look at the video; nothing is decoded."""
        self.clip, self.size = clip, size
        self._seeker: FrameSeeker | None = None
        self._held: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._last = -1

    def frame(self, t: int, first: int = 0) -> NDArray[np.uint8]:
        """Return frame t, (h, w, 3) uint8 RGB. Raises InputError if it cannot be read.

        first : where frames are asked for in reverse, none before it are read ahead.
        """
        if t not in self._held:
            is_reverse = t == self._last - 1
            for number in range(max(first, t - HELD + 1), t + 1) if is_reverse else (t,):
                self._hold(number)
        self._last = t
        return self._held[t]

    def _hold(self, t: int) -> None:
        if self._seeker is None:
            self._seeker = FrameSeeker(self.clip)
        self._held[t] = resize_frame(self._seeker.frame(t), *self.size)
        self._held.move_to_end(t)
        while len(self._held) > HELD:
            self._held.popitem(last=False)


@dataclass(frozen=True)
class FrameSpan:
    """Frames first <= t < stop of a video."""

    video: MediaInput
    reader: FrameReader = field(compare=False)
    first: int
    stop: int
    digest: str
    """Stands for their content, wherever they lie in whichever video."""

    @property
    def shot(self) -> str:
        """First and last frame, for tables."""
        return f"{self.first}-{self.stop - 1}"

    def check(self) -> None:
        """Raise InputError if the video has changed since it was digested."""
        self.video.check()

    def open(self, job: Job) -> "SpanFrames":  # noqa: ARG002
        """Return the frames as a lazy sequence."""
        return SpanFrames(self.reader, self.first, self.stop)


class SpanFrames(Sequence[NDArray[np.uint8]]):
    """Frames of a video as a lazy sequence, counted from the first of the span. For one thread at a time."""

    def __init__(self, reader: FrameReader, first: int, stop: int) -> None:
        """Look at the span; nothing is read."""
        self.clip = reader.clip
        """The whole video."""
        self._reader, self._first, self._stop = reader, first, stop

    def __len__(self) -> int:
        return self._stop - self._first

    @overload
    def __getitem__(self, t: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, t: slice) -> Sequence[NDArray[np.uint8]]: ...
    def __getitem__(self, t: int | slice) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
        """Return frame t, (h, w, 3) uint8 RGB. Raises InputError if it cannot be read."""
        if isinstance(t, slice):
            return [self[i] for i in range(*t.indices(len(self)))]
        if not 0 <= t < len(self):
            raise IndexError(f"frame {t} of {len(self)}")
        return self._reader.frame(self._first + t, self._first)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Read one frame after the other."""
        return (self[t] for t in range(len(self)))


class FrameIndex:
    """What `index_frames` says of a video: its size and shots, and what stands for any of its frames."""

    def __init__(self, job: Job, video: MediaInput, indexed: StageResult) -> None:
        """Read the index."""
        self._video = video
        self.clip = Clip.from_json({**indexed.attributes["clip"], "path": video.text})
        height, width = indexed.attributes["size"]
        self.size: tuple[int, int] = (height, width)
        """Height and width at which objects are tracked."""
        self.shots: list[tuple[int, int]] = [(first, stop) for first, stop in indexed.attributes["shots"]]
        """First frame of each shot, and the one after its last."""
        self._digests = indexed.open(job)["digests"][0]

    def reader(self) -> FrameReader:
        """Return a reader of frames for one thread."""
        return FrameReader(self.clip, self.size)

    def span(self, first: int, stop: int, reader: FrameReader) -> FrameSpan:
        """Return frames first <= t < stop as an input that is read by a reader."""
        shape = (stop - first, *self.size, self.clip.height, self.clip.width)
        content = hashlib.sha256(f"dfvi frames {shape}".encode("ascii"))
        content.update(np.ascontiguousarray(self._digests[first:stop]).data)
        return FrameSpan(self._video, reader, first, stop, content.hexdigest()[:DIGEST_LENGTH])

    def shot_of(self, t: int) -> tuple[int, int]:
        """Return the shot in which a frame lies, as first frame and the one after its last."""
        return next((first, stop) for first, stop in self.shots if first <= t < stop)
