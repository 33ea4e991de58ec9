"""Ramps: spans of frames in which every pixel goes evenly from one picture to another, as in dissolves and fades."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_LINEAR = {4: 0.9, 6: 0.86, 9: 0.8, 13: 0.73, 20: 0.72}
"""Half length of a window in frames -> share of the variance in time that straight lines must explain. A step explains
0.75; short windows are straighter by chance."""
LEAST_CHANGE = 6.0  # grey levels by which the pixels of a window change from its first frame to its last, on average
QUANTISING = 0.25  # grey levels squared: variance of rounding, so that still frames explain nothing
END_OF_RAMP = 0.15  # share of the ramp's speed below which it has ended
LONGEST = 75  # frames


@dataclass(frozen=True)
class Window:
    """Frames centre - half .. centre + half, as straight as `linear` says."""

    centre: int
    half: int
    linear: float


def without_flashes(coarse: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Median over five frames: takes out what lasts two frames at most, keeps ramps.

    coarse  : (T, N) uint8, pixels of small pictures.
    Returns : (T, N) float32.
    """
    padded = np.pad(coarse, ((2, 2), (0, 0)), mode="edge")
    shifted = np.stack([padded[k : k + len(coarse)] for k in range(5)])
    return np.asarray(np.sort(shifted, axis=0)[2], np.float32)


def straight_windows(pixels: NDArray[np.float32]) -> list[Window]:
    """Windows in which the pixels change evenly and enough, the straightest first.

    pixels : (T, N) float32, grey levels.
    """
    found = [window for half in LEAST_LINEAR for window in _straight_of_half(pixels, half)]
    return sorted(found, key=lambda window: (LEAST_LINEAR[window.half] - window.linear, window.centre))


def _straight_of_half(pixels: NDArray[np.float32], half: int) -> list[Window]:
    """Least squares: of each pixel a straight line over each window."""
    count = len(pixels) - 2 * half
    if count <= 0:
        return []
    steps = np.arange(-half, half + 1)
    parts = [pixels[k : k + count] for k in range(2 * half + 1)]
    total = sum(parts, np.float32(0))  # one after the other: stacked they would take 80 MB
    moment = sum((np.float32(step) * part for step, part in zip(steps, parts, strict=True)), np.float32(0))
    spread = sum((part**2 for part in parts), np.float32(0)) - total**2 / len(steps)
    slope = moment / float((steps**2).sum())
    explained = (slope**2).sum(axis=1) * float((steps**2).sum())
    linear = explained / (spread.sum(axis=1) + QUANTISING * len(steps) * pixels.shape[1])
    change = 2 * half * np.abs(slope).mean(axis=1)
    chosen = np.flatnonzero((linear >= LEAST_LINEAR[half]) & (change >= LEAST_CHANGE))
    return [Window(int(t) + half, half, float(linear[t])) for t in chosen]


def ends_of_ramp(pixels: NDArray[np.float32], window: Window) -> tuple[int, int]:
    """The first frame of a ramp that is mixed, and the frame after the last one that is.

    The frames are projected on the way from the window's first to its last; the ramp ends where that stops growing.
    """
    first, last = window.centre - window.half, window.centre + window.half
    way = pixels[last] - pixels[first]
    place = pixels @ way / max(float(way @ way), 1e-6)  # 0 at the window's first frame, 1 at its last
    least = END_OF_RAMP / (2 * window.half)
    middle = window.centre
    start = _walk(place[: middle + 1][::-1], -least)
    stop = _walk(place[middle:], least)
    return middle - start + 1, middle + stop


def _walk(place: Sequence[float] | NDArray[np.float32], least: float) -> int:
    """Steps until two in a row no longer go on by `least`, which also tells the direction."""
    sign = 1 if least > 0 else -1
    for step in range(1, min(len(place), LONGEST)):
        ahead = place[min(step + 1, len(place) - 1)] - place[step - 1]
        if sign * ahead < 2 * abs(least):
            return step - 1 if sign * (place[step] - place[step - 1]) < abs(least) else step
    return min(len(place), LONGEST) - 1
