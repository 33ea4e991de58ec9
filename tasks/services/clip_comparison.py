"""Comparison of two finished clips, such as a result with another or with the truth."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation.clip_differences import FrameDifference, FramePair, compare_frames
from dfvi_models.numerics.holes import dilate_by_disc
from storage.errors import InputError
from storage.media.reading import Clip, probe, read_frames
from storage.media.writing import write_image
from tasks.decode import DecodeParams, marked_holes
from tasks.evaluation.compare_fills import labelled_row

__all__ = ["FrameDifference", "compare_clips", "write_sheet"]

AMPLIFIED = 4
"""A difference of one grey level is not seen."""


def compare_clips(
    video: str, truth: str, mask: str | None, params: DecodeParams, *, threads: int = 1
) -> Iterator[FrameDifference]:
    """Compare a clip with another frame by frame.

    mask   : what was removed, as a run takes it; None compares whole frames.
    params : how the mask is read and grown.
    Raises : InputError if one cannot be read, or they differ in size or length.
    """
    clip, other = probe(video), probe(truth)
    if (clip.height, clip.width, clip.frame_count) != (other.height, other.width, other.frame_count):
        raise InputError(
            f"{video} has {_size(clip)}, {truth} has {_size(other)}; compare clips of the same size and length"
        )
    pairs = zip(read_frames(clip), read_frames(other), _holes(mask, clip, params), strict=False)
    return compare_frames((FramePair(*pair) for pair in pairs), threads=threads)


def write_sheet(path: Path, truth: str, videos: Sequence[str], frames: Sequence[int]) -> None:
    """Write an image with a row for each of some frames: of `truth`, of each video, and how they differ from it.

    Differences are AMPLIFIED times as large, from black.
    Raises : InputError if a clip cannot be read, or the image cannot be written.
    """
    shown = [_chosen(video, frames) for video in (truth, *videos)]
    columns = [(truth, shown[0])]
    for video, clip in zip(videos, shown[1:], strict=True):
        differences = {t: _amplified(clip[t], shown[0][t]) for t in clip}
        columns += [(video, clip), (f"difference x{AMPLIFIED}", differences)]
    rows = [
        np.hstack([labelled_row(f"{Path(name).name}, frame {t}", [clip[t]]) for name, clip in columns])
        for t in sorted(frames)
    ]
    write_image(path, np.vstack(rows))


def _chosen(video: str, frames: Sequence[int]) -> dict[int, NDArray[np.uint8]]:
    read = read_frames(video, 0, max(frames) + 1)
    return {t: frame for t, frame in enumerate(read) if t in frames}


def _amplified(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    difference = np.abs(one.astype(np.int32) - other) * AMPLIFIED
    return np.asarray(np.minimum(difference, 255), np.uint8)


def _holes(mask: str | None, clip: Clip, params: DecodeParams) -> Iterator[NDArray[np.bool_] | None]:
    if mask is None:
        return repeat(None)
    return (dilate_by_disc(hole, params.dilation) for hole in marked_holes(params, mask, clip))


def _size(clip: Clip) -> str:
    return f"{clip.frame_count} frames of {clip.width}x{clip.height}"
