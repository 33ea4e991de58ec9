"""Several objects in one frame: which of them each pixel belongs to."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dfvi_models.errors import ShapeError
from dfvi_models.segmentation.tracking import MARKED


def label_objects(shares: Mapping[int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the number of the object that each pixel belongs to, (H, W) uint8, 0 where it is none.

    shares : number, 1 to 255 -> (H, W) uint8, 0 to 255: how much of each pixel is the object. Where several claim a
             pixel, the largest share has it; of equal ones the higher number, which so lies in front.
    Raises : ShapeError if there is none, or they differ in size.
    """
    if len({share.shape for share in shares.values()}) != 1:
        raise ShapeError(f"objects must have one size; got {[share.shape for share in shares.values()]}")
    largest = np.full(next(iter(shares.values())).shape, MARKED + 1, np.uint8)
    labels = np.zeros_like(largest)
    for number, share in sorted(shares.items()):
        is_larger = share >= largest
        labels[is_larger] = number
        largest[is_larger] = share[is_larger]
    return labels
