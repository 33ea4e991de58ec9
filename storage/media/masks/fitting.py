"""Bringing a mask to the size and the frames of its clip, where it has others."""

from collections.abc import Iterator

import cv2
import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.source import Marks


def fit_marks(marks: Marks, name: str, clip: Clip, *, fit: bool) -> Marks:
    """Return the marks in the clip's size with as many frames as the clip has, or a single one for all.

    fit    : scale other sizes (each pixel takes the nearest value), and show at each frame of the clip the mask frame
             of that time; a mask without time is spread evenly over the clip.
    Raises : InputError if they differ and fit is off, or if a mask video ends before the clip does.
    """
    if (marks.height, marks.width) != (clip.height, clip.width):
        if not fit:
            raise InputError(
                f"{name}: the mask is {marks.width}x{marks.height}, the video {clip.width}x{clip.height}; export the "
                "mask in the size of the video, or scale it with --set decode.fit_mask=true"
            )
        marks = _scaled(marks, clip)
    if marks.count in (1, clip.frame_count):
        return marks
    if not fit:
        raise InputError(
            f"{name}: the mask has {marks.count} frames, the video {clip.frame_count}; export the mask again, give a "
            "single image for all frames, or spread it over the video's time with --set decode.fit_mask=true"
        )
    return _spread(marks, name, clip)


def _scaled(marks: Marks, clip: Clip) -> Marks:
    size = (clip.width, clip.height)

    def read(start: int, stop: int) -> Iterator[np.ndarray]:
        for marked in marks.read(start, stop):
            yield cv2.resize(marked, size, interpolation=cv2.INTER_NEAREST_EXACT)

    return Marks(clip.height, clip.width, marks.count, read, marks.rate)


def _spread(marks: Marks, name: str, clip: Clip) -> Marks:
    shown = _shown_at(marks, name, clip)

    def read(start: int, stop: int) -> Iterator[np.ndarray]:
        wanted = shown[start:stop]
        at = wanted[0]
        frames = marks.read(at, wanted[-1] + 1)
        marked = next(frames)
        for number in wanted:
            while at < number:
                marked, at = next(frames), at + 1
            yield marked

    return Marks(clip.height, clip.width, clip.frame_count, read)


def _shown_at(marks: Marks, name: str, clip: Clip) -> list[int]:
    """Return the mask frame for each frame of the clip, ascending: the one shown in the middle of its time."""
    if marks.rate is None:
        return [(2 * t + 1) * marks.count // (2 * clip.frame_count) for t in range(clip.frame_count)]
    middles = [(clip.time_of(t) + clip.time_of(t + 1)) / 2 for t in range(clip.frame_count)]
    numbers = [int(middle * marks.rate) for middle in middles]
    if numbers[-1] > marks.count:  # one frame less is rounding
        lasts, wanted = float(marks.count / marks.rate), float(clip.time_of(clip.frame_count))
        raise InputError(
            f"{name}: the mask lasts {lasts:.2f} s, the video {wanted:.2f} s; export the mask again, or "
            "shorten the video with decode.stop"
        )
    return [min(number, marks.count - 1) for number in numbers]
