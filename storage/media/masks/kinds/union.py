"""Several masks of one clip: what any of them marks is marked."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from storage.errors import reading
from storage.media.clip import Clip
from storage.media.masks.fitting import fit_marks
from storage.media.masks.kinds.timed import TimedMask
from storage.media.masks.source import Marks, MaskSource

SEPARATOR = "\n"
"""Between the masks of a union where they are written as one text: no file name that people use holds it."""


@dataclass(frozen=True)
class UnionMask:
    """The union of masks, each of which fits the clip by itself."""

    parts: tuple[MaskSource | TimedMask, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return " and ".join(part.name for part in self.parts)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files and folders it is read from."""
        return tuple(path for part in self.parts for path in part.paths)

    @property
    def sources(self) -> tuple[MaskSource, ...]:
        """The masks themselves, whenever they count."""
        return tuple(part.mask if isinstance(part, TimedMask) else part for part in self.parts)

    @property
    def is_timed(self) -> bool:
        """Whether any part counts for some time only."""
        return any(isinstance(part, TimedMask) for part in self.parts)

    def spans(self, clip: Clip) -> list[tuple[int, int]]:
        """Return for each part the frames for which it counts, as first and stop (not included).

        Raises : InputError if a time lies outside the clip, or holds no frame.
        """
        return [part.frames(clip) if isinstance(part, TimedMask) else (0, clip.frame_count) for part in self.parts]

    def digest(self) -> str:
        """Return the SHA-256 of all parts, in whatever order they are named; that of the part if there is but one."""
        digests = sorted({part.digest() for part in self.parts})
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256(("union " + " ".join(digests)).encode()).hexdigest()

    def open(self, clip: Clip, object_number: int | None = None, *, fit: bool = False) -> Marks:
        """Return what any part marks, fitted to the clip; see MaskSource.open and fit_marks."""
        with reading(self.name):
            parts = [_fitted(part, clip, object_number, fit) for part in self.parts]
        count = max(part.count for part in parts)

        def read(start: int, stop: int) -> Iterator[np.ndarray]:
            readers = [part.read(start, stop) if part.count == count else _repeat(part, stop - start) for part in parts]
            with reading(self.name):
                for marked in zip(*readers, strict=True):
                    yield reduce(np.maximum, marked)

        return Marks(clip.height, clip.width, count, read)


def _fitted(part: MaskSource | TimedMask, clip: Clip, object_number: int | None, fit: bool) -> Marks:
    if isinstance(part, TimedMask):
        return part.open(clip, object_number, fit=fit)
    return fit_marks(part.open(clip, object_number), part.name, clip, fit=fit)


def _repeat(single: Marks, times: int) -> Iterator[np.ndarray]:
    """Return the only frame of a mask again and again."""
    marked = next(single.read(0, 1))
    return (marked for _ in range(times))
