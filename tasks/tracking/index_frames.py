"""The index of a video: a digest of each frame at the size at which objects are tracked, and the shots. Media in, store
out; the frames themselves are not kept."""

import hashlib
from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.resizing import resize_frame
from dfvi_models.shots.detection import ShotChange, find_shot_changes, shots_between
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.clip import check_range
from storage.media.reading import probe, read_frames
from tasks.stage.cached_stage import Job, StageParams, stage

HASH_BYTES = 16  # kept of the SHA-256 of a frame


class IndexFramesParams(StageParams):
    """At which size a video is looked at, and where its shots begin."""

    most_pixels: int = Field(864 * 480, ge=64 * 64)
    """Pixels of a frame up to which objects are tracked at full size; larger frames are scaled down to that."""
    shots: Literal["auto", "none"] | tuple[Annotated[int, Field(ge=1)], ...] = "auto"
    """auto: cuts, dissolves and fades are found; none: the video is one shot; else the first frame of every shot but
    the first."""


def tracking_size(height: int, width: int, most_pixels: int) -> tuple[int, int]:
    """Return the size at which frames of a size are tracked."""
    scale = min(1.0, (most_pixels / (height * width)) ** 0.5)
    return max(1, round(height * scale)), max(1, round(width * scale))


@stage(version=1)
def index_frames(out: StageStore, *, video: str, params: IndexFramesParams, job: Job) -> None:
    """Write a digest of each frame at the size of tracking; say the size, and the frames of each shot."""
    clip = probe(video)
    count = check_range(clip, 0, None)
    size = tracking_size(clip.height, clip.width, params.most_pixels)
    out.create(digests=array_layout.values(1, count, HASH_BYTES, dtype="uint8"))
    digests = np.zeros((count, HASH_BYTES), np.uint8)

    def frames() -> Iterator[NDArray[np.uint8]]:
        resized = ordered_map(lambda frame: resize_frame(frame, *size), read_frames(clip), job.threads)
        for t, frame in enumerate(out.count(resized, count)):
            digest = hashlib.sha256(np.ascontiguousarray(frame).data).digest()
            digests[t] = np.frombuffer(digest[:HASH_BYTES], np.uint8)
            yield frame

    changes = _changes(frames(), params, count)
    out.write(0, digests=digests)
    out.attributes["clip"] = clip.to_json()
    out.attributes["size"] = list(size)
    out.attributes["shots"] = [list(shot) for shot in shots_between(changes, count)]
    for warning in clip.warnings:
        out.warn(warning)


def _changes(frames: Iterator[NDArray[np.uint8]], params: IndexFramesParams, count: int) -> list[ShotChange]:
    if params.shots == "auto":
        return find_shot_changes(frames)
    for _ in frames:  # for their digests
        pass
    begins = [] if params.shots == "none" else sorted(set(params.shots))
    if begins and begins[-1] >= count:
        raise InputError(f"a shot is said to begin at frame {begins[-1]}; the video has frames 0 to {count - 1}")
    return [ShotChange(begin, begin) for begin in begins]
