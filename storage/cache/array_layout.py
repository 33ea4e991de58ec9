"""How each kind of array lies on disk: one frame a chunk, the codecs measured best for its content, CRC32C last.

One frame a chunk means that no two writers share a chunk, that a chunk which exists is finished, and that resuming
starts at the first missing frame.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, BloscShuffle, Crc32cCodec, ZstdCodec

FLOW_STEPS_PER_PIXEL = 64
"""Flow is kept in steps of 1/64 px: 3.5x smaller than plain float32, error at most 0.008 px."""


@dataclass(frozen=True)
class ArrayLayout:
    """Shape, type and compression of one array. The first axis counts frames."""

    shape: tuple[int, ...]
    dtype: str
    shuffle: bool = False
    """Bit-shuffle before compressing: helps floats and integers, hurts images."""
    steps: int | None = None
    """Values are rounded to multiples of 1 / steps when written."""

    def codecs(self) -> list[Any]:
        """Return the codecs: a compression, then CRC32C, without which a flipped bit reads back as wrong pixels."""
        if self.shuffle:
            item = np.dtype(self.dtype).itemsize
            squeeze: Any = BloscCodec(cname="zstd", clevel=1, shuffle=BloscShuffle.bitshuffle, typesize=item)
        else:
            squeeze = ZstdCodec(level=1)
        return [squeeze, Crc32cCodec()]

    def prepare(self, item: NDArray[Any]) -> NDArray[Any]:
        """Bring one item into the form that is stored.

        Raises : ValueError if its shape is not that of one item, or its type cannot be stored without loss.
        """
        if item.shape != self.shape[1:]:
            raise ValueError(f"an item of this array is {self.shape[1:]}; got {item.shape}")
        if self.steps is not None:
            item = np.round(item * np.float32(self.steps)) / np.float32(self.steps)
        return np.ascontiguousarray(item.astype(self.dtype, casting="same_kind", copy=False))


def frames(count: int, height: int, width: int) -> ArrayLayout:
    """Return the layout of RGB frames, (T, H, W, 3) uint8."""
    return ArrayLayout((count, height, width, 3), "uint8")


def holes(count: int, height: int, width: int) -> ArrayLayout:
    """Return the layout of holes, (T, H, W) bool, True where a pixel must be replaced."""
    return ArrayLayout((count, height, width), "bool")


def flow(count: int, height: int, width: int) -> ArrayLayout:
    """Return the layout of optical flow, (T-1, h, w, 2) float32 in pixels, rounded to 1/64 px."""
    return ArrayLayout((count, height, width, 2), "float32", shuffle=True, steps=FLOW_STEPS_PER_PIXEL)


def values(count: int, *item: int, dtype: str) -> ArrayLayout:
    """Return the layout of any other numbers, (T, *item), kept exactly."""
    return ArrayLayout((count, *item), dtype, shuffle=np.dtype(dtype).itemsize > 1)
