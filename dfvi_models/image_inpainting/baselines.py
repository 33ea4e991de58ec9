"""Baselines to compare with, which need no flow: fills of single frames, and the median over time."""

import threading
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.clip_checks import check_frame, check_planes, wanted_numbers
from dfvi_models.numerics.laplace import fill_smooth
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.protocols import Frames, Holes

TELEA_RADIUS = 3  # pixels
GREY_TOLERANCE = 0.1  # grey levels: fills are rounded to whole ones
NOTHING_KNOWN = 128  # mid-grey, where a hole covers the whole frame
UNKNOWN = 256  # sorts behind every grey level

FilledFrames = Iterator[tuple[int, NDArray[np.uint8]]]
Method = Callable[[NDArray[np.uint8], NDArray[np.bool_]], NDArray[np.uint8]]
"""Frame (H, W, 3) and its hole, neither empty nor everything -> colours of the hole's pixels (N, 3)."""


class TeleaInpainter:
    """Fills single frames by Telea's fast marching method, as OpenCV implements it."""

    def inpaint(self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1) -> FilledFrames:
        """Fill the wanted frames, each by itself, in ascending order; see `protocols.ImageInpainter`.

        Yields : (t, frame (H, W, 3) uint8), bit-equal outside the hole; mid-grey if the hole is the whole frame.
        Raises : ShapeError if frames and holes differ.
        Source : Telea 2004, `cv2.inpaint` with a radius of 3 pixels.
        """
        return ordered_map(lambda t: (t, _fill(frames[t], holes[t], _telea)), _checked(frames, holes, wanted), threads)


class HarmonicInpainter:
    """Fills single frames with the smoothest surface through the boundary of the hole (Laplace's equation)."""

    def inpaint(self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1) -> FilledFrames:
        """Fill the wanted frames, each by itself, in ascending order; yields and raises as `TeleaInpainter`."""
        return ordered_map(
            lambda t: (t, _fill(frames[t], holes[t], _harmonic)), _checked(frames, holes, wanted), threads
        )


class TemporalMedianInpainter:
    """Fills each pixel with the median over the frames around of the same pixel, as if the camera stood still.

    radius : frames taken before and after. A pixel that none of them shows is filled harmonically.
    Raises : ValueError if the radius is below 1.
    """

    def __init__(self, radius: int = 15):
        if radius < 1:
            raise ValueError(f"radius must be 1 frame or more; got {radius}")
        self.radius = radius

    def inpaint(self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1) -> FilledFrames:
        """Fill the wanted frames in ascending order; yields and raises as `TeleaInpainter`.

        At most 2 * radius + 1 frames, and as many again for each thread in flight, are held at a time.
        """
        window = _Window(frames, holes, self.radius)
        return ordered_map(lambda t: (t, self._fill(window, t)), _checked(frames, holes, wanted), threads)

    def _fill(self, window: "_Window", t: int) -> NDArray[np.uint8]:
        around = window.around(t)
        frame, hole = window.item(t)
        if not hole.any():
            return frame
        values = np.stack([np.where(h[hole][:, None], UNKNOWN, f[hole].astype(np.int16)) for f, h in around])
        known = np.count_nonzero(values[..., 0] != UNKNOWN, axis=0)
        values.sort(axis=0)
        low, high = (_pick(values, np.maximum(index, 0)) for index in ((known - 1) // 2, known // 2))
        visible = known > 0
        left = hole.copy()
        left[hole] = ~visible
        filled = frame.copy()
        filled[hole & ~left] = ((low + high + 1) // 2)[visible]
        return _fill(filled, left, _harmonic)


class _Window:
    """The frames and holes read last, shared by threads."""

    def __init__(self, frames: Frames, holes: Holes, radius: int) -> None:
        self._frames, self._holes, self._radius = frames, holes, radius
        self._kept: dict[int, tuple[NDArray[np.uint8], NDArray[np.bool_]]] = {}
        self._reading = threading.Lock()

    def item(self, t: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return frame t and its hole."""
        with self._reading:
            if t not in self._kept:
                self._kept[t] = self._frames[t], self._holes[t]
            return self._kept[t]

    def around(self, t: int) -> list[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
        """Return frames and holes within the radius of t, frame t among them: its hole pixels are all unknown."""
        first, stop = max(t - self._radius, 0), min(t + self._radius + 1, len(self._frames))
        found = [self.item(s) for s in range(first, stop)]
        with self._reading:
            for old in [s for s in self._kept if s < first]:
                del self._kept[old]
        return found


def _checked(frames: Frames, holes: Holes, wanted: Sequence[int]) -> list[int]:
    """Return the wanted frame numbers, ascending; raise ShapeError or ValueError where they or the holes do not fit."""
    check_planes(len(frames), holes, "holes")
    return wanted_numbers(wanted, len(frames), "frames")


def _pick(values: NDArray[np.int16], index: NDArray[np.intp]) -> NDArray[np.int16]:
    """Return item index[n] of the first axis, for every pixel n and channel: (window, N, 3) -> (N, 3)."""
    return np.asarray(np.take_along_axis(values, index[None, :, None], axis=0)[0], np.int16)


def _fill(frame: NDArray[np.uint8], hole: NDArray[np.bool_], method: Method) -> NDArray[np.uint8]:
    """Return a frame with its hole filled by a method; mid-grey where nothing is known."""
    check_frame(frame, hole)
    filled = frame.copy()
    if hole.all():
        filled[:] = NOTHING_KNOWN
    elif hole.any():
        filled[hole] = method(frame, hole)
    return filled


def _telea(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    if frame.shape[0] < 2:
        return _harmonic(frame, hole)  # OpenCV would read beside an image of one row
    blind = frame.copy()
    blind[hole] = frame[~hole].mean(axis=0)  # at the image's border OpenCV looks at what stands in the hole
    mask = np.ascontiguousarray(hole).view(np.uint8)
    filled = cv2.inpaint(blind, mask, TELEA_RADIUS, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8)[hole]


def _harmonic(frame: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    smooth = fill_smooth(frame.astype(np.float32), hole, tolerance=GREY_TOLERANCE)[hole]
    return np.asarray(np.clip(np.rint(smooth), 0, 255), np.uint8)
