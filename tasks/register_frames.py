"""Registration: lays colours of distant frames over what flow carried, where they are nearer to the truth."""

from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, field_validator

from dfvi_models.merging.fusion import fuse
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.registration.choice import ChoiceModel, choose
from dfvi_models.registration.distant import DISTANCES, DistantFrames
from dfvi_models.types import Merged
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.composed_clip import hidden_pixels, only_hidden
from tasks.shots.filled_clip import FilledClip
from tasks.stage import candidate_arrays
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.fill_counts import FillCounts
from tasks.stage.write_behind import write_behind


class RegisterFramesParams(StageParams):
    """Which distant frames are registered directly, and when their colours are taken."""

    distances: tuple[PositiveInt, ...] = Field(DISTANCES, max_length=20)
    """Frames so far before and after are looked at, and the first and the last one; [] leaves the stage out."""
    bias: float = Field(0.0, ge=-10, le=10)
    """Added to the log-odds that a registered colour is nearer to the truth than the one carried along flow."""

    @field_validator("distances")
    @classmethod
    def _in_order(cls, distances: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(distances)))


@stage(version=5)  # 2: shift is measured where flow is sure; 3, taken back by 4: bolder; 5: 0 where nothing is hidden
def register_frames(
    out: StageStore,
    *,
    clip: StageStore,
    carried: StageStore,
    merged: StageStore,
    params: RegisterFramesParams,
    job: Job,
) -> None:
    """Write the hidden pixels of every frame with the better of both colours, the hole still left, where each pixel
    came from, and which were registered."""
    known, seen, hidden = FilledClip(clip), FilledClip(merged), hidden_pixels(clip)
    size = (seen.count, seen.height, seen.width)
    wanted = set(
        out.create(
            frames=array_layout.frames(*size),
            holes=array_layout.holes(*size),
            source=array_layout.values(*size, dtype="int32"),
            registered=array_layout.holes(*size),
        )
    )
    distant = DistantFrames(known.frames, known.holes, params.distances)
    model = ChoiceModel().shifted(params.bias)

    def one_frame(t: int) -> tuple[Merged, NDArray[np.bool_]]:
        if t not in wanted:
            return Merged(np.empty(0, np.uint8), out["holes"][t], out["source"][t]), out["registered"][t]
        frame, hole = known.frames[t], known.holes[t]
        before = Merged(seen.frames[t], seen.holes[t], seen.source[t])
        forward, backward = (candidate_arrays.read(carried, d, t, hole) for d in ("forward", "backward"))
        confidence = fuse(frame, hole, t, forward, backward).confidence
        return choose(before, hole, confidence, distant.colours(t), model=model)

    counts = FillCounts.of(clip.attributes)
    with write_behind(out) as write:
        for t, (chosen, registered) in enumerate(ordered_map(one_frame, range(seen.count), job.threads)):
            if t in wanted:
                frame = only_hidden(chosen.frame, hidden[t])
                write(t, frames=frame, holes=chosen.hole, source=chosen.source, registered=registered)
            counts.add(t, chosen)
            counts.registered += int(np.count_nonzero(registered))
    out.attributes.update(asdict(counts))
