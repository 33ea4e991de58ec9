"""x-t slices: one row of every frame, one below the other. What stands still is a streak, what flickers is ragged."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def row_through_holes(holes: Sequence[NDArray[np.bool_]]) -> int | None:
    """Return the row that crosses most pixels of the holes of some frames, (H, W) bool each; None without a hole.

    >>> row_through_holes([np.array([[0, 0, 1], [0, 1, 1]], bool)])
    1
    """
    crossed = np.sum([hole.sum(axis=1) for hole in holes], axis=0)
    return int(np.argmax(crossed)) if crossed.any() else None


def stack_rows(rows: Sequence[NDArray[np.uint8]], least: int) -> NDArray[np.uint8]:
    """Stack rows, (W, 3) uint8 each, to an image that is at least `least` pixels high: each is repeated as often.

    Returns : (len(rows) * n, W, 3) uint8.
    """
    return np.repeat(np.stack(rows), max(-(-least // len(rows)), 1), axis=0)
