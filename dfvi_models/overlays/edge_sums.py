"""Sums of image gradients over time, by which edges that stay are told from edges that move with the picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import cv2
import numpy as np
from numpy.typing import NDArray

STRONGEST = 40.0
"""Grey levels a pixel; a stronger edge counts as this, so that a single one does not outweigh many frames."""

NOISE = 2.0  # grey levels a pixel of gradient that compression and sensors make

Plane = NDArray[np.float32]


def edges_of(frame: NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """Return the gradient of a frame, across and down, (H, W, 3) float32 each, grey levels a pixel.

    frame : (H, W, 3) uint8 RGB.
    """
    smooth = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 0.7)
    across = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32), np.float32)
    down = np.asarray(cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32), np.float32)
    return across, down


def _limited(across: Plane, down: Plane) -> tuple[Plane, Plane, Plane]:
    """Both gradients with their common strength limited to STRONGEST, and its square (H, W)."""
    squares = (across**2 + down**2).sum(axis=2)
    factor = np.minimum(1, STRONGEST / (np.sqrt(squares) + 1e-3))
    return (
        np.asarray(across * factor[..., None], np.float32),
        np.asarray(down * factor[..., None], np.float32),
        np.asarray(np.minimum(squares, STRONGEST**2), np.float32),
    )


@dataclass(frozen=True)
class EdgeSums:
    """Gradients of some frames, summed."""

    count: int
    """Frames."""
    across: Plane
    """(H, W, 3), grey levels a pixel."""
    down: Plane
    """(H, W, 3)."""
    energy: Plane
    """(H, W): squared lengths of the gradient, summed over frames and channels."""
    colours: Plane
    """(H, W, 3): the frames themselves, grey levels."""

    def __add__(self, other: "EdgeSums") -> "EdgeSums":
        """Return the sums over the frames of both."""
        return EdgeSums(
            self.count + other.count,
            self.across + other.across,
            self.down + other.down,
            self.energy + other.energy,
            self.colours + other.colours,
        )

    @property
    def mean(self) -> Plane:
        """Return the mean frame, (H, W, 3), grey levels."""
        return np.asarray(self.colours / self.count, np.float32)

    @property
    def amplitude(self) -> Plane:
        """Return the length of the mean gradient, (H, W), grey levels a pixel: what stays."""
        return np.asarray(np.sqrt((self.across**2 + self.down**2).sum(axis=2)) / self.count, np.float32)

    @property
    def strength(self) -> Plane:
        """Return the root of the mean square gradient, (H, W): all there is, whether it stays or not."""
        return np.asarray(np.sqrt(self.energy / self.count), np.float32)

    def coherence(self) -> Plane:
        """Return how much of the gradients around each pixel stays the same, (H, W), 0 (they change) to 1 (all).

        Source : ours; the consistency of gradients over time that Dekel et al., "On the Effectiveness of Visible
                 Watermarks" (CVPR 2017), take the median for, here as a share of all there is.
        """
        stays = cv2.blur(self.amplitude**2, (3, 3))
        return np.asarray(stays / (cv2.blur(self.energy / self.count, (3, 3)) + NOISE**2), np.float32)


def sum_edges(frames: Iterable[NDArray[np.uint8]]) -> EdgeSums:
    """Return the sums of the gradients of some frames of one size, (H, W, 3) uint8 RGB; at least one."""
    return reduce(add, map(_sums_of, frames))


def sum_in_blocks(frames: Iterable[NDArray[np.uint8]], most: int = 16) -> list[EdgeSums]:
    """Return sums over blocks of neighbouring frames, in order, of equal length but for the last one.

    frames  : (H, W, 3) uint8 RGB, as many as there are; each is looked at once.
    most    : blocks; even. There are more than half as many if there are as many frames. Memory is for these.
    """
    blocks: list[EdgeSums] = []
    length = 1
    for sums in map(_sums_of, frames):
        if blocks and blocks[-1].count < length:
            blocks[-1] += sums
            continue
        if len(blocks) == most:
            blocks = [blocks[k] + blocks[k + 1] for k in range(0, most, 2)]
            length *= 2
        blocks.append(sums)
    return blocks


def _sums_of(frame: NDArray[np.uint8]) -> EdgeSums:
    across, down, energy = _limited(*edges_of(frame))
    return EdgeSums(1, across, down, energy, frame.astype(np.float32))
