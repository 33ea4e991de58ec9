"""What each kind of method must do: estimate flow, complete it, fill single frames, judge images and videos.

Inputs are lazy sequences (`len()` and `[t]`, which may read from disk). The first three give results as an iterator in
ascending order of `wanted`, with memory that does not grow with the length of the clip; the result for t does not
depend on what else is wanted.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dfvi_models.types import FlowPair

Frames = Sequence[NDArray[np.uint8]]
"""T frames, each (H, W, 3) uint8 RGB."""
Holes = Sequence[NDArray[np.bool_]]
"""T holes, each (H, W): True = to be replaced."""
Flows = Sequence[NDArray[np.float32]]
"""T - 1 flows, each (H, W, 2) float32, pixels."""
Item = tuple[int, FlowPair]


class FlowEstimator(Protocol):
    """Estimates optical flow between neighbouring frames."""

    def estimate(self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1) -> Iterator[Item]:
        """Estimate the flow of the wanted pairs, in ascending order.

        frames  : T of (H, W, 3) uint8 RGB.
        holes   : T of (H, W) bool; an estimator may look away from what stands there.
        wanted  : numbers t of pairs (t, t+1), 0..T-2.
        threads : threads it may use; the result is the same for every number.
        Yields  : (t, FlowPair), pixels.
        Raises  : ShapeError if lengths or sizes do not fit; ValueError if a wanted pair does not exist.
        """
        ...


class FlowCompleter(Protocol):
    """Completes flow inside holes from the flow around them in space and time."""

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[Item]:
        """Complete the flow of the wanted pairs, in ascending order.

        flow_fw : T-1 of (h, w, 2) float32, pixels, t -> t+1: holes of frame t are filled.
        flow_bw : T-1 of (h, w, 2) float32, pixels, t+1 -> t: holes of frame t+1 are filled.
        holes   : T of (H, W) bool; where (h, w) is another size, a flow pixel that touches a hole belongs to it.
        wanted  : numbers t of pairs (t, t+1), 0..T-2.
        threads : threads it may use; the result is the same for every number.
        Yields  : (t, FlowPair) on the grid of the given flow.
        Raises  : ShapeError if lengths or sizes do not fit; ValueError if a wanted pair does not exist.
        """
        ...


class ImageInpainter(Protocol):
    """Fills the holes of single frames with content that no frame of the video shows."""

    def inpaint(
        self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Fill the wanted frames, in ascending order.

        frames  : T of (H, W, 3) uint8 RGB; what stands in their holes is not looked at.
        holes   : T of (H, W) bool, True = fill.
        wanted  : frame numbers.
        threads : threads it may use; the result is the same for every number.
        Yields  : (t, frame (H, W, 3) uint8), bit-equal outside the hole.
        Raises  : ShapeError if frames and holes differ; ValueError if a wanted frame does not exist.
        """
        ...


class ImageMetric(Protocol):
    """Compares how two images look."""

    def distance(self, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
        """Return how different two images look; 0 for images that look the same.

        first, second : (H, W, 3) uint8 RGB.
        Raises        : ShapeError if they cannot be compared.
        """
        ...


class VideoEncoder(Protocol):
    """Describes what happens in a video by a vector."""

    def describe(self, frames: Frames) -> NDArray[np.float32]:
        """Return (D,) float32, the same D for every video; the whole video is held in memory.

        frames : T of (H, W, 3) uint8 RGB.
        Raises : ShapeError if there are too few.
        """
        ...
