"""Frames with all the bits and the alpha that the source has: outside the hole those of the source, inside the fill.

Everything between decoding and encoding works on 8 bits and three channels; what no stage touches needs neither.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from storage.media.clip import Clip
from storage.media.images.folder import image_alpha, image_full_depth
from storage.media.video.decoding import video_alpha, video_full_depth

TO_16_BIT = np.uint16(257)  # 255 becomes 65535


def restore_depth(
    clip: Clip, start: int, stop: int | None, fills: Iterable[np.ndarray], holes: Iterable[np.ndarray]
) -> Iterator[np.ndarray]:
    """Return frames start to stop with the bits of the source outside the hole, and the fill inside.

    fills, holes : (H, W, 3) uint8 RGB and (H, W) bool of the same frames.
    Returns      : (H, W, 3) uint16 RGB over the full range, one frame after the other.
    """
    read = image_full_depth(clip, start, stop) if clip.kind == "images" else video_full_depth(clip, start, stop)
    for source, fill, hole in zip(read, fills, holes, strict=True):
        yield np.where(hole[..., None], fill * TO_16_BIT, source)


def restore_alpha(
    clip: Clip,
    start: int,
    stop: int | None,
    frames: Iterable[np.ndarray],
    holes: Iterable[np.ndarray],
    *,
    fill_is_opaque: bool,
) -> Iterator[np.ndarray]:
    """Return frames start to stop with the alpha of the source, (H, W, 4) of the type of the given RGB frames.

    fill_is_opaque : make the hole opaque, as is right where transparency was what marked it.
    """
    alphas = image_alpha(clip, start, stop) if clip.kind == "images" else video_alpha(clip, start, stop, threads=0)
    for frame, alpha, hole in zip(frames, alphas, holes, strict=True):
        shown = np.where(hole, np.uint8(255), alpha) if fill_is_opaque else alpha
        scaled = shown * TO_16_BIT if frame.dtype == np.uint16 else shown
        yield np.dstack([frame, scaled])
