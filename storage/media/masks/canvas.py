"""The size, length and rate of masks that are read without the video they belong to."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.kinds.union import UnionMask
from storage.media.masks.parsing import WORDS
from storage.media.masks.source import Marks
from storage.media.reading import FOLDER_RATE


def open_alone(source: UnionMask, object_number: int | None = None) -> Marks:
    """Return what the only part of a mask marks, in its own size and length.

    Raises : InputError if it is a box or `alpha`, which mean nothing without a video, or cannot be read.
    """
    (part,) = source.sources
    if isinstance(part, WORDS):
        raise InputError(f"{part.name} has no size of its own; name the video it belongs to with --video")
    return part.open(_nowhere(), object_number)


def canvas_of(marks: Marks, name: str) -> Clip:
    """Return a clip without pixels that has the size, the length and the rate of a mask."""
    rate = marks.rate or FOLDER_RATE
    return replace(
        _nowhere(),
        path=Path(name),
        frame_count=marks.count,
        frames_found=marks.count,
        height=marks.height,
        width=marks.width,
        rate=rate,
        time_base=1 / rate,
    )


def _nowhere() -> Clip:
    return Clip(Path("no video"), "images", 1, 1, 1, 1, FOLDER_RATE, Fraction(1) / FOLDER_RATE)
