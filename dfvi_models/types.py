"""Types that the algorithms hand to each other: small named groups of arrays, one per frame or frame pair."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Direction = Literal["forward", "backward"]
"""Direction of time in which colours are carried: forward from earlier frames to later ones, or backward."""

Precision = Literal["float32", "tf32", "bfloat16", "float16"]
"""Numbers convolutions compute with; tf32: float32 whose products CUDA rounds to 10 bits, as float32 elsewhere."""

KNOWN = -1
"""`source` of a pixel outside the hole: it is the frame's own."""
INVENTED = -2
"""`source` of a pixel whose colour no camera saw: made by the key-frame inpainter, or carried from such a pixel."""
NO_SOURCE = -1
"""`source` of a candidate that does not exist."""


@dataclass(frozen=True)
class FlowPair:
    """Optical flow between frames t and t+1, in pixels; `[..., 0]` = dx (right), `[..., 1]` = dy (down)."""

    fw: NDArray[np.float32]
    """(H, W, 2): t -> t+1, on the grid of t."""
    bw: NDArray[np.float32]
    """(H, W, 2): t+1 -> t, on the grid of t+1."""


@dataclass(frozen=True)
class Candidates:
    """Up to K colours for each of the N hole pixels of one frame, carried from one direction of time.

    Pixels stand in row-major order, that of `np.flatnonzero(hole)`.
    """

    colour: NDArray[np.uint8]
    """(K, N, 3) RGB; 0 where there is no candidate."""
    source: NDArray[np.int32]
    """(K, N) number of the frame the colour was seen in; NO_SOURCE where there is no candidate."""
    error: NDArray[np.float32]
    """(K, N) forward-backward consistency error summed along the way, in pixels; 0 where there is no candidate."""
    invented: NDArray[np.bool_]
    """(K, N) True where the colour was invented by an inpainter in an earlier iteration."""


@dataclass(frozen=True)
class Merged:
    """One frame after merging the candidates of both directions."""

    frame: NDArray[np.uint8]
    """(H, W, 3) RGB; hole pixels still left hold 0."""
    hole: NDArray[np.bool_]
    """(H, W): True where nothing could be carried to."""
    source: NDArray[np.int32]
    """(H, W): frame number a filled pixel came from, KNOWN outside the hole, INVENTED where a camera never saw it."""
