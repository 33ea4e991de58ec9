"""Temporal smoothing of what was filled in. Store in, store out."""

from typing import Any

import numpy as np
from pydantic import Field

from dfvi_models.merging.deflicker import deflicker as smooth_over_time
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.composed_clip import hidden_pixels, only_hidden
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.write_behind import write_behind


class DeflickerParams(StageParams):
    """How far a filled pixel is drawn towards the same place in the frames before and after."""

    strength: float = Field(1.0, ge=0, le=100)
    """Weight of a neighbour that flow leads to without contradiction, against the pixel's own 1; 0 leaves the stage
    out."""


@stage(version=3)  # 3: frames are 0 where nothing is hidden
def deflicker(
    out: StageStore,
    *,
    clip: StageStore,
    merged: StageStore,
    flow: StageStore,
    fill: StageStore | None = None,
    params: DeflickerParams,
    job: Job,
) -> None:
    """Write the hidden pixels of every frame, no longer a hole, and where each came from: the same arrays as merge."""
    visible_clip, hidden = FilledClip(merged, fill), hidden_pixels(clip)
    size = (visible_clip.count, visible_clip.height, visible_clip.width)
    source = array_layout.values(*size, dtype="int32")
    wanted = out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size), source=source)
    smoothed = smooth_over_time(
        visible_clip.frames,
        clip["holes"],
        flow["flow_fw"],
        flow["flow_bw"],
        wanted=wanted,
        strength=params.strength,
        threads=job.threads,
    )
    none = np.zeros(size[1:], np.bool_)
    with write_behind(out) as write:
        for t, frame in smoothed:
            write(t, frames=only_hidden(frame, hidden[t]), holes=none, source=visible_clip.source[t])
    counts: Any = merged.attributes
    full = {"unfinished_frames": [], "holes_left": 0, "largest_hole": 0}
    out.attributes.update({**counts, "invented": counts["invented"] + counts["holes_left"], **full})
