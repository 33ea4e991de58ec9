"""Which part of a picture shows some holes, and enough around them to judge how they were filled."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ROOM = 0.4  # of the size of the holes, on every side
LEAST = 0.25  # of the size of the picture: a small hole is shown with more around it
NEARLY_ALL = 0.8  # of the picture: a part as large as this is not worth leaving the rest out


def view_of_holes(holes: Sequence[NDArray[np.bool_]]) -> tuple[slice, slice]:
    """Return the rows and columns that show all holes of some frames, and what lies around them.

    holes   : (H, W) bool each, True inside a hole; at least one.
    Returns : two slices; those of the whole picture where there is no hole, or where little would be left out.
    """
    together = np.logical_or.reduce(holes)
    if not together.any():
        return slice(0, together.shape[0]), slice(0, together.shape[1])
    rows, columns = (_stretch(together.any(axis=axis)) for axis in (1, 0))
    if all(
        part.stop - part.start > NEARLY_ALL * size for part, size in zip((rows, columns), together.shape, strict=True)
    ):
        return slice(0, together.shape[0]), slice(0, together.shape[1])
    return rows, columns


def _stretch(inside: NDArray[np.bool_]) -> slice:
    """From the first True to the last, with room on both sides, as far as the picture goes."""
    places = np.flatnonzero(inside)
    first, stop, size = int(places[0]), int(places[-1]) + 1, len(inside)
    length = min(max(round((stop - first) * (1 + 2 * ROOM)), round(LEAST * size), 1), size)
    start = min(max((first + stop - length) // 2, 0), size - length)
    return slice(start, start + length)
