"""How sure a track is, and which of its frames to correct first."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

UNSURE = 0.5
"""Certainty below which a frame should be looked at."""
REACHED = 20.0  # frames at which a correction is taken to help half as much as where it is made


def first_to_correct(certainty: NDArray[np.float32], given: Collection[int], tracked: NDArray[np.bool_]) -> int | None:
    """Return the frame whose correction takes away most doubt, also from the frames around it.

    certainty : (T,) float32, 0 to 1.
    given     : frames that need no correction.
    tracked   : (T,) bool, frames that have been tracked at all.
    Returns   : None if none has.
    """
    wanted = tracked.copy()
    wanted[list(given)] = False
    if not wanted.any():
        return None
    doubt = np.where(wanted, 1 - certainty, 0).astype(np.float64)
    times = np.arange(len(doubt))
    reached = np.exp2(-np.abs(times) / REACHED)
    kernel = np.concatenate([reached[:0:-1], reached])
    gain = np.convolve(doubt, kernel)[len(doubt) - 1 : 2 * len(doubt) - 1]
    return int(np.argmax(np.where(wanted, gain * doubt, -1)))
