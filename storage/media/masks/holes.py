"""The holes that a mask makes in a clip, frame by frame."""

from collections.abc import Iterator

import numpy as np

from storage.errors import InputError
from storage.media.clip import Clip, check_range
from storage.media.masks.kinds.union import UnionMask

DEFAULT_THRESHOLD = 127  # of 255: what is more white than black is removed


def read_holes(
    source: UnionMask,
    clip: Clip,
    *,
    threshold: int = DEFAULT_THRESHOLD,
    invert: bool = False,
    object_number: int | None = None,
    fit: bool = False,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[np.ndarray]:
    """Return the holes of frames start to stop (not included) of a clip, as (H, W) bool each; True = replace.

    threshold     : 0 to 255; see the package.
    object_number : of a label map, the only object that counts.
    fit           : bring a mask of another size or rate to the clip's.
    Raises        : InputError if the mask's size or number of frames is not the clip's, it cannot be read, or a single
                    one for all frames has no hole.

    A mask of several frames has as many as the clip, and start and stop count in both. That no frame of these has a
    hole is no error here: a part of a clip may be read.
    """
    if not 0 <= threshold <= 255:
        raise InputError(f"mask threshold {threshold}; expected 0 to 255")
    end = check_range(clip, start, stop)
    marks = source.open(clip, object_number, fit=fit)
    if marks.count == 1 and clip.frame_count > 1:
        hole = _same_for_all(next(marks.read(0, 1)), source.name, threshold, invert)
        yield from (hole.copy() for _ in range(start, end))
        return
    spans = source.spans(clip)
    for t, marked in enumerate(marks.read(start, end), start):
        if any(first <= t < last for first, last in spans):
            yield (marked > threshold) != invert
        else:
            yield np.zeros(marked.shape, bool)


def _same_for_all(marked: np.ndarray, name: str, threshold: int, invert: bool) -> np.ndarray:
    hole: np.ndarray = (marked > threshold) != invert
    if not hole.any():
        raise InputError(_empty(name, threshold, invert, int(marked.max())))
    return hole


def _empty(name: str, threshold: int, invert: bool, brightest: int) -> str:
    if invert:
        return f"{name}: the inverted mask is empty: every pixel is over {threshold}; drop decode.invert_mask"
    return (
        f"{name}: the mask is empty: no pixel of any frame is over {threshold} of 255, the brightest is {brightest}; "
        "mark what to remove in white, lower decode.mask_threshold, or set decode.invert_mask"
    )
