"""Frames as proposals of masks are looked for in: small ones, and what is marked in them at the video's size."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from storage.delivery import check_apart
from storage.media.clip import Clip
from storage.media.masks.writing import check_mask_name
from storage.media.reading import probe, read_frames

SEARCHED = 270  # pixels of the shorter side of the frames that are searched; larger ones are shrunk

Image = NDArray[np.uint8]
Hole = NDArray[np.bool_]


def clip_and_sheet(video: str, output: Path, sheet: Path | None) -> tuple[Clip, Path]:
    """Return the clip of a video, and where the image to look at goes: beside the mask, if no place is named.

    Raises : InputError if the video cannot be read, or a mask or the image cannot be written there.
    """
    clip = probe(video)
    looked_at = sheet or output.with_name(f"{output.stem}-sheet.png")
    check_mask_name(output, clip.frame_count)
    check_apart(output, video)
    check_apart(looked_at, video, str(output))
    return clip, looked_at


def searched_frames(clip: Clip) -> Iterator[Image]:
    """Yield the frames of a clip, (h, w, 3) uint8 RGB, none larger than SEARCHED."""
    factor = min(1.0, SEARCHED / min(clip.height, clip.width))
    size = max(1, round(clip.width * factor)), max(1, round(clip.height * factor))
    for frame in read_frames(clip):
        yield frame if factor == 1 else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def full_size(marked: Hole, clip: Clip) -> Hole:
    """Return a mask (H, W) bool at the video's size; grown by what a pixel of a small one may hide."""
    if marked.shape == (clip.height, clip.width):
        return marked
    size = clip.width, clip.height
    large = np.asarray(cv2.resize(marked.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)) > 0.5
    side = 2 * round(clip.height / marked.shape[0] / 2) + 1
    return np.asarray(cv2.dilate(large.astype(np.uint8), np.ones((side, side), np.uint8)) > 0, np.bool_)
