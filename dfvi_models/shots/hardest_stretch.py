"""Where a clip is hardest to inpaint, found without inpainting it: much is hidden for long, and little moves."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

PARTLY = 0.2
"""Weight of a pixel that is hidden in a part of a stretch only, against one that is hidden throughout."""
SIDE = 64
"""Pixels of the small grey image on which it is measured how much moves."""


def hardest_stretch(frames: Iterable[tuple[NDArray[np.uint8], NDArray[np.bool_]]], length: int) -> int:
    """Return the first frame of the hardest stretch of a clip.

    frames  : each frame (H, W, 3) uint8 with its hole (H, W) bool, in order; one is held at a time.
    length  : frames of a stretch, 1 or more; a shorter clip is one stretch.
    Returns : of the stretches that share the largest value the first. The value is the number of pixels hidden
              throughout, and PARTLY of the mean number hidden, divided by 1 + the mean change of what is seen, in grey
              levels a frame: what a camera moves past is seen elsewhere.
    """
    hidden_for: NDArray[np.int32] | None = None
    before: tuple[NDArray[np.float32], NDArray[np.bool_]] | None = None
    throughout, sizes, motions = [], [], []
    for frame, hole in frames:
        hidden_for = np.where(hole, 1 if hidden_for is None else hidden_for + 1, 0)
        throughout.append(np.count_nonzero(hidden_for >= length))
        sizes.append(np.count_nonzero(hole))
        now = _shrunk(frame), cv2.resize(hole.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0
        motions.append(_change(before, now))
        before = now
    if len(sizes) <= length:
        return 0
    mean = np.ones(length) / length
    partly = np.convolve(sizes, mean, "valid")
    motion = np.convolve(motions, mean, "valid")
    return int(np.argmax((np.array(throughout[length - 1 :]) + PARTLY * partly) / (1 + motion)))


def _shrunk(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _change(
    before: tuple[NDArray[np.float32], NDArray[np.bool_]] | None, now: tuple[NDArray[np.float32], NDArray[np.bool_]]
) -> float:
    """Mean change of small grey images where neither has a hole; 0 if there is none before, or nothing is seen."""
    if before is None:
        return 0.0
    seen = ~(before[1] | now[1])
    return float(np.abs(now[0] - before[0])[seen].mean()) if seen.any() else 0.0
