"""Comparison of two finished clips, such as a result with another or with the truth."""

from collections.abc import Iterator
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from dfvi_models.evaluation.clip_differences import FrameDifference, FramePair, compare_frames
from dfvi_models.numerics.holes import dilate_by_disc
from storage.errors import InputError
from storage.media.reading import Clip, probe, read_frames
from tasks.decode import DecodeParams, marked_holes

__all__ = ["FrameDifference", "compare_clips"]


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


def _holes(mask: str | None, clip: Clip, params: DecodeParams) -> Iterator[NDArray[np.bool_] | None]:
    if mask is None:
        return repeat(None)
    return (dilate_by_disc(hole, params.dilation) for hole in marked_holes(params, mask, clip))


def _size(clip: Clip) -> str:
    return f"{clip.frame_count} frames of {clip.width}x{clip.height}"
