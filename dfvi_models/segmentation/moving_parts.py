"""What moves before a camera that stands still: where a frame differs from what is there most of the time."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError

BLUR = 1.0  # pixels: sigma that takes noise and what trembles away
SURE = 2.0  # times the difference that counts, in some pixel of a part
LEAST_DIFFERENCE = 10.0  # grey levels
SPREADS = 4.0  # standard deviations of what a pixel varies by itself
GAP = 0.02  # of the shorter side: narrower ones within a part are closed
LEAST_PART = 0.0006  # of the frame that a part must have
RIM = 0.006  # of the shorter side that is marked around a part: it is blurred by its motion

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class Background:
    """What is there most of the time."""

    colour: NDArray[np.float32]
    """(H, W, 3), grey levels."""
    threshold: NDArray[np.float32]
    """(H, W): grey levels by which a frame must differ."""

    @classmethod
    def of(cls, frames: Sequence[Image]) -> "Background":
        """Learn it from some frames of a shot, (H, W, 3) uint8 RGB, spread over its time; all are held at once.

        Source : median and median absolute deviation over time, as in robust background subtraction.
        """
        stack = np.stack([_smooth(frame) for frame in frames])
        colour = np.median(stack, axis=0).astype(np.float32)
        spread = 1.4826 * np.median(np.abs(stack - colour), axis=0).max(axis=2)
        return cls(colour, np.maximum(SPREADS * spread, LEAST_DIFFERENCE).astype(np.float32))

    def moving(self, frame: Image) -> Hole:
        """Return where a frame shows something else, (H, W) bool: parts that are large enough, without gaps.

        frame  : (H, W, 3) uint8 RGB. A change of all of it, as of exposure, does not count.
        Raises : ShapeError if it is of another size.
        """
        if frame.shape != self.colour.shape:
            raise ShapeError(f"expected a frame of {self.colour.shape}; got {frame.shape}")
        difference = _smooth(frame) - self.colour
        difference -= np.median(difference, axis=(0, 1))
        times = np.abs(difference).max(axis=2) / self.threshold
        height, width = times.shape
        side = max(3, round(GAP * min(height, width))) | 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        differs = cv2.morphologyEx((times > 1).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        joined = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, disc)
        _, label, facts, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        large = np.asarray(facts)[:, cv2.CC_STAT_AREA] >= LEAST_PART * height * width
        sure = np.isin(np.arange(len(large)), np.unique(np.asarray(label)[times > SURE]))
        large[0] = False
        parts = _filled((large & sure)[np.asarray(label)])
        rim = 2 * max(round(RIM * min(height, width)), 1) + 1
        return np.asarray(cv2.dilate(parts, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (rim, rim))) > 0, np.bool_)


def in_most(before: Hole, now: Hole, after: Hole) -> Hole:
    """Return what two of three neighbouring frames mark: what flashes up in one does not count."""
    return np.asarray((before & now) | (now & after) | (before & after), np.bool_)


def _smooth(frame: Image) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(frame.astype(np.float32), (0, 0), BLUR), np.float32)


def _filled(parts: Hole) -> NDArray[np.uint8]:
    """Parts with what they surround."""
    outlines, _ = cv2.findContours(parts.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros(parts.shape, np.uint8), outlines, -1, 1, cv2.FILLED), np.uint8)
