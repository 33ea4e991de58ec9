"""Which frames of a filled clip a person should look at: the doubtful ones, and those whose mask looks wrong."""

from collections.abc import Sequence

import numpy as np

ODD_SHARE = 0.6  # of the neighbours' hole: less is a mask that missed something, its inverse one that took too much


def worst_moments(doubt: Sequence[float], *, apart: int, most: int, least: float = 0.0) -> list[int]:
    """Return the most doubtful frames, the worst first, no two of them within `apart` frames.

    doubt : one number for each frame, in any unit.
    apart : frames between two that are returned, at least 1.
    most  : how many are returned at most.
    least : doubt up to which a frame is not worth a look.

    >>> worst_moments([0, 5, 9, 8, 0, 3], apart=2, most=3)
    [2, 5]
    """
    chosen: list[int] = []
    for t in sorted(range(len(doubt)), key=lambda t: -doubt[t]):
        if doubt[t] <= least or len(chosen) == most:
            break
        if all(abs(t - other) >= max(apart, 1) for other in chosen):
            chosen.append(t)
    return chosen


def odd_masks(sizes: Sequence[int]) -> list[int]:
    """Return the frames whose hole is much smaller, or larger, than both the one before and the one after it.

    sizes : hole pixels of each frame of a shot.

    >>> odd_masks([100, 104, 20, 100, 98])
    [2]
    """
    found = []
    for t in range(1, len(sizes) - 1):
        low, high = sorted((sizes[t - 1], sizes[t + 1]))
        if low >= ODD_SHARE * high and not ODD_SHARE * low <= sizes[t] <= high / ODD_SHARE:
            found.append(t)
    return found


def frames_to_show(count: int, worst: Sequence[int], *, most: int, beside: int) -> list[int]:
    """Choose the frames of a clip that a page can hold: all, or those around the worst and some spread over the rest.

    count   : frames of the clip.
    worst   : frames to surround, the most important first.
    most    : frames to choose at most.
    beside  : frames to take before and after each of them.
    Returns : frame numbers, ascending.

    >>> frames_to_show(1000, [500], most=8, beside=2)
    [0, 498, 499, 500, 501, 502, 999]
    """
    if count <= most:
        return list(range(count))
    chosen: set[int] = set()
    spread = max(most // 4, 2)
    for t in worst:
        around = set(range(max(t - beside, 0), min(t + beside + 1, count)))
        if len(chosen | around) > most - spread:
            break
        chosen |= around
    rest = most - len(chosen)
    chosen.update(int(t) for t in np.linspace(0, count - 1, rest).round())
    return sorted(chosen)
