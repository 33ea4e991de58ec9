"""The three kinds of exchangeable parts: what estimates flow, completes it, and fills single pictures.

Inputs are lazy sequences (`len()` and `[t]`, which may read from disk); results come as an iterator in ascending
order of `wanted`, with memory that does not grow with the length of the clip. The result for t does not depend on
what else is wanted.
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


class Estimator(Protocol):
    """Optical flow between neighbouring frames."""

    def estimate(self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1) -> Iterator[Item]:
        """Yield (t, flows between t and t + 1) for every wanted t in 0 .. T-2."""
        ...


class Completer(Protocol):
    """Flow inside the holes, made up from the flow around them in space and time."""

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[Item]:
        """Yield (t, completed flows between t and t + 1) for every wanted t in 0 .. T-2."""
        ...


class Inpainter(Protocol):
    """Pixels no frame of the video shows."""

    def inpaint(
        self, frames: Frames, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield (t, frame t with its hole filled) for every wanted t; pixels outside the hole stay as they are."""
        ...
