"""A small part of a video to try presets on, and how they look side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.holes import resize_hole_touching
from dfvi_models.shots.hardest_stretch import hardest_stretch
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import probe, read_frames
from storage.media.writing import write_images, write_video
from tasks.decode import DecodeParams, marked_holes, probe_as, worked_frames
from tasks.evaluation.compare_fills import Fill, side_by_side, write_strips

SMALLEST_SIDE = 16  # pixels; half of less is no picture


@dataclass(frozen=True)
class SmallClip:
    """Some frames of a video at half its size, as image folders."""

    video: Path
    mask: Path
    first: int
    """Number in the video of its first frame."""
    count: int
    share: float
    """Its pixels and frames over those of the whole run."""


def cut_small_clip(folder: Path, video: str, mask: str, params: DecodeParams, length: int) -> SmallClip:
    """Write the hardest stretch of a video at half size below `folder`.

    length : frames, at most as many as the run takes.
    Raises : InputError if video or mask cannot be read, or the mask marks nothing there.
    """
    clip = probe_as(video, params)
    start, stop = worked_frames(clip, mask, params)
    first = start + hardest_stretch(_frames(clip, mask, params, start, stop), length)
    last = min(first + length, stop)
    height, width = max(clip.height // 2, SMALLEST_SIDE), max(clip.width // 2, SMALLEST_SIDE)
    frames, holes = [], []
    for frame, hole in _frames(clip, mask, params, first, last):
        frames.append(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA))
        holes.append(resize_hole_touching(hole, height, width))
    if not any(hole.any() for hole in holes):
        raise InputError(f"the mask {mask} marks nothing in frames {start} to {stop - 1} of {video}")
    write_images(folder / "frames", frames)
    write_images(folder / "masks", holes)
    share = len(frames) * height * width / ((stop - start) * clip.height * clip.width)
    return SmallClip(folder / "frames", folder / "masks", first, len(frames), share)


def _frames(
    clip: Clip, mask: str, params: DecodeParams, start: int, stop: int
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    pairs = zip(read_frames(clip, start, stop), marked_holes(params, mask, clip, start, stop), strict=True)
    return islice(pairs, stop - start)


def write_preview(sheet: Path, video: Path, fills: Sequence[Fill], source: str) -> None:
    """Write fills of a clip one below the other as an image, and side by side as a video.

    source : the video they are of, whose frame rate is kept.
    """
    write_strips(sheet, fills)
    count = fills[0].shown.count
    first, rate = side_by_side(fills, 0), probe(source).rate
    clip = Clip(Path(source), "video", count, count, first.shape[0], first.shape[1], rate=rate, time_base=1 / rate)
    write_video(video, (side_by_side(fills, t) for t in range(count)), clip)
