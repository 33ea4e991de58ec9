"""Holes to evaluate with: they hide parts of a clip whose truth is known, and are the same on every machine."""

import numpy as np
from numpy.typing import NDArray

SHAPE_AREA = (0.05, 0.15)  # share of the frame, drawn evenly
SHAPE_WAVES = range(2, 6)  # bumps around the outline; one wave would only shift the shape
LARGEST_WAVE = 0.3  # of the radius, divided by the number of bumps: few large ones, many small ones
START = (0.35, 0.65)  # of each side: where the shape swings around
SWING = 0.2  # of the shorter side, to each side of the start
PERIODS = (120.0, 200.0)  # frames; at 240 rows the shape moves 2.5 px a frame at most


def centre_box(height: int, width: int) -> NDArray[np.bool_]:
    """Return a standing box in the middle, a quarter of the height by a quarter of the width: 1/16 of the frame.

    Returns : (height, width) bool, True = hole; sides are rounded down, but at least 1 pixel.
    """
    hole = np.zeros((height, width), np.bool_)
    rows, columns = max(height // 4, 1), max(width // 4, 1)
    top, left = (height - rows) // 2, (width - columns) // 2
    hole[top : top + rows, left : left + columns] = True
    return hole


def moving_shape(t: int, height: int, width: int, seed: int) -> NDArray[np.bool_]:
    """Return a smooth random shape of 5 to 15 % of the frame that swings slowly around a place near the middle.

    t       : frame number; the hole of a frame does not depend on how long the clip is.
    seed    : decides size, outline, place and motion; 0 or more.
    Returns : (height, width) bool, True = hole.
    Source  : like the random moving masks of STTN and its followers, but written down as a formula of t and seed.
    """
    random = np.random.Generator(np.random.PCG64(seed)).random  # `random` of PCG64 never changes; other draws may
    area = (SHAPE_AREA[0] + (SHAPE_AREA[1] - SHAPE_AREA[0]) * random()) * height * width
    waves = [(k, LARGEST_WAVE * random() * 2 / k, 2 * np.pi * random()) for k in SHAPE_WAVES]
    x, y = (side * _between(START, random()) + _swing(t, height, width, random(2)) for side in (width, height))
    dy, dx = np.mgrid[0:height, 0:width].astype(np.float64)
    dy, dx = dy - y, dx - x
    angle = np.arctan2(dy, dx)
    radius = 1 + sum(size * np.cos(k * angle + phase) for k, size, phase in waves)
    # the area inside r(angle) is the integral of r² / 2 over the angle
    mean_radius = np.sqrt(area / (np.pi * (1 + sum(size**2 for _, size, _ in waves) / 2)))
    return np.asarray(dx**2 + dy**2 <= (mean_radius * radius) ** 2, np.bool_)


def back_and_forth(t: int, count: int) -> int:
    """Return item t of a sequence of `count` that is played forward, then backward, and so on, without a jump.

    >>> [back_and_forth(t, 3) for t in range(6)]
    [0, 1, 2, 1, 0, 1]
    """
    if count < 1:
        raise ValueError(f"a sequence to play needs at least 1 item; got {count}")
    at = t % max(2 * count - 2, 1)
    return min(at, 2 * count - 2 - at)


def _between(ends: tuple[float, float], share: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * share


def _swing(t: int, height: int, width: int, drawn: NDArray[np.float64]) -> float:
    """Return the distance from the start at frame t, in pixels."""
    period = _between(PERIODS, drawn[0])
    return float(SWING * min(height, width) * np.sin(2 * np.pi * (t / period + drawn[1])))
