"""Reading a clip without holes, whose frames are the truth of an evaluation. Media in, store out."""

from pathlib import Path

import numpy as np
from pydantic import Field

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.resizing import resize_frame
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.reading import probe, read_frames
from tasks.stage.cached_stage import Job, StageParams, stage


class ReadTruthParams(StageParams):
    """Which part of the clip is taken, and at which size."""

    frames: int | None = Field(None, ge=1)
    """Frames taken from the start; null takes all. A shorter clip gives what it has."""
    size: tuple[int, int] | None = None
    """Height and width the frames are brought to; null leaves them. The only place where a frame is ever resized."""


@stage(version=1)
def read_truth(out: StageStore, *, video: str, params: ReadTruthParams, job: Job) -> None:
    """Write the frames, and an empty hole for each."""
    clip = probe(Path(video))
    count = min(params.frames or clip.frame_count, clip.frame_count)
    height, width = truth_size(clip, params)
    size = (count, height, width)
    wanted = out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size))
    empty = np.zeros((height, width), np.bool_)
    frames = read_frames(clip, wanted[0], wanted[-1] + 1) if wanted else iter(())
    resized = ordered_map(lambda frame: resize_frame(frame, height, width), frames, job.threads)
    for t, frame in enumerate(resized, start=wanted[0] if wanted else 0):
        out.write(t, frames=frame, holes=empty)
    out.attributes.update({"frames": count, "height": height, "width": width})


def truth_size(clip: Clip, params: ReadTruthParams) -> tuple[int, int]:
    """Return height and width that the frames of a clip are brought to.

    Raises : InputError if that would make a lying picture of an upright one, or the other way round.
    """
    height, width = params.size or (clip.height, clip.width)
    if (height > width) != (clip.height > clip.width) and height != width and clip.height != clip.width:
        raise InputError(
            f"{clip.path} is {clip.width}x{clip.height}; {width}x{height} would turn it: swap the two numbers, or "
            "leave it out with --only"
        )
    return height, width
