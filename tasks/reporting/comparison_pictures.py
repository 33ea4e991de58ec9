"""The pictures of a comparison: frames of several clips beside one another, and how they differ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from dfvi_models.review.moments import frames_to_show
from storage.media.reading import probe, read_frames
from tasks.reporting.frame_pictures import encode_jpeg
from tasks.services.clip_comparison import AMPLIFIED
from tasks.services.clip_pictures import fit_width

MOST_BYTES = 9 * 2**20  # of pictures; as text in a page they are a third more
FEWEST_FRAMES = 8
WIDEST = 854  # pixels of a picture

Pair = tuple[int, int]
"""Two of the clips, by their places in the list; the first one is the smaller."""


@dataclass(frozen=True)
class ComparedPictures:
    """One frame of each clip, each picture a JPEG in memory."""

    frame: int
    images: Sequence[bytes]
    """Of each clip."""
    differences: dict[Pair, bytes]
    """Of each pair: grey, AMPLIFIED times the largest difference of the channels."""

    def size(self) -> int:
        """Return the bytes of all pictures."""
        return sum(map(len, (*self.images, *self.differences.values())))


def picture_comparison(videos: Sequence[str], worst: Sequence[int]) -> Iterator[ComparedPictures]:
    """Picture frames of clips of the same size and length: all, or where that is too much those around the worst.

    worst  : frames that differ most, the worst first.
    Raises : InputError if a clip cannot be read.
    """
    clip = probe(videos[0])
    sample = _pictures(0, [next(iter(read_frames(video, 0, 1))) for video in videos])
    most = max(MOST_BYTES // sample.size(), FEWEST_FRAMES)
    wanted = set(frames_to_show(clip.frame_count, worst, most=most, beside=round(float(clip.rate) / 2)))
    together = zip(*(read_frames(video, 0, max(wanted) + 1) for video in videos), strict=True)
    return (_pictures(t, frames) for t, frames in enumerate(together) if t in wanted)


def _pictures(t: int, frames: Sequence[NDArray[np.uint8]]) -> ComparedPictures:
    images = [encode_jpeg(fit_width(frame, WIDEST), "frame") for frame in frames]
    pairs = combinations(range(len(frames)), 2)
    return ComparedPictures(t, images, {(i, j): _difference(frames[i], frames[j]) for i, j in pairs})


def _difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bytes:
    largest = np.abs(one.astype(np.int16) - other).max(axis=-1, keepdims=True) * AMPLIFIED
    grey = np.repeat(np.minimum(largest, 255).astype(np.uint8), 3, axis=-1)
    return encode_jpeg(fit_width(grey, WIDEST), "thumbnail")
