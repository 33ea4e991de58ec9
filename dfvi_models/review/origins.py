"""Where each pixel of a filled hole came from, as labels that can be drawn and counted. NumPy only."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.types import INVENTED, KNOWN

ORIGINS = ("outside", "earlier", "later", "distant", "painted", "invented", "open")
"""Names of the labels, by number: outside the hole; seen in earlier or later frames, and carried along flow; taken from
a distant frame, registered directly; painted by hand, or carried from there; seen in no frame; not filled yet."""
OUTSIDE, EARLIER, LATER, DISTANT, PAINTED, MADE_UP, OPEN = range(len(ORIGINS))


def label_origins(
    source: NDArray[np.int32],
    hole: NDArray[np.bool_],
    t: int,
    *,
    left: NDArray[np.bool_] | None = None,
    registered: NDArray[np.bool_] | None = None,
    plates: Collection[int] = (),
) -> NDArray[np.uint8]:
    """Label each pixel of a filled frame with where its colour came from.

    source     : (H, W) int32, the frame a pixel was taken from, or KNOWN, or INVENTED.
    hole       : (H, W) bool, what was to be filled.
    t          : number of this frame, counted as `source` counts.
    left       : (H, W) bool, what of the hole is not filled; None: nothing.
    registered : (H, W) bool, what was taken from distant frames; None: nothing.
    plates     : numbers of the frames that were painted by hand.
    Returns    : (H, W) uint8, indices of ORIGINS.
    Raises     : ShapeError if the arrays differ in shape.
    """
    for name, other in (("hole", hole), ("left", left), ("registered", registered)):
        if other is not None and other.shape != source.shape:
            raise ShapeError(f"source is {source.shape}, {name} is {other.shape}; give those of one frame")
    labels = np.where(source < t, EARLIER, LATER).astype(np.uint8)
    if registered is not None:
        labels[registered] = DISTANT
    if plates:
        labels[np.isin(source, list(plates)) | (source == KNOWN)] = PAINTED
    labels[source == INVENTED] = MADE_UP
    if left is not None:
        labels[left] = OPEN
    labels[~hole] = OUTSIDE
    return labels


def count_origins(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return how many pixels have each label, (len(ORIGINS),)."""
    return np.bincount(labels.ravel(), minlength=len(ORIGINS)).astype(np.int64)
