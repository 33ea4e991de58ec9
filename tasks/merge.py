"""Merging: decides which of the colours that reached a hole pixel it takes. Store in, store out."""

from dataclasses import asdict, replace

import numpy as np
from pydantic import SerializeAsAny

from dfvi_models.merging.methods import Robust
from dfvi_models.methods import MergeMethod
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.types import KNOWN, Merged
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.composed_clip import hidden_pixels, only_hidden
from tasks.shots.filled_clip import FilledClip
from tasks.stage import candidate_arrays
from tasks.stage.cached_stage import Job, stage
from tasks.stage.fill_counts import FillCounts
from tasks.stage.method_params import MethodParams
from tasks.stage.write_behind import write_behind


class MergeParams(MethodParams):
    """How the candidates of a pixel become one colour."""

    kind = "rule"

    rule: SerializeAsAny[MergeMethod] = Robust()
    """How one colour is chosen."""


@stage(version=3)  # 3: frames are 0 where nothing is hidden
def merge(
    out: StageStore,
    *,
    carried: StageStore,
    clip: StageStore,
    fill: StageStore | None = None,
    params: MergeParams,
    job: Job,
) -> None:
    """Write the hidden pixels of every frame, filled as far as anything reached them, and where each came from."""
    visible_clip, hidden = FilledClip(clip, fill), hidden_pixels(clip)
    size = (visible_clip.count, visible_clip.height, visible_clip.width)
    source = array_layout.values(*size, dtype="int32")
    wanted = set(out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size), source=source))

    def one_frame(t: int) -> Merged:
        if t not in wanted:
            return Merged(np.empty(0, np.uint8), out["holes"][t], out["source"][t])
        hole, before = visible_clip.holes[t], visible_clip.source[t]
        forward, backward = (candidate_arrays.read(carried, d, t, hole) for d in ("forward", "backward"))
        merged = params.rule.merge(visible_clip.frames[t], hole, t, forward, backward)
        return replace(merged, source=np.where(before == KNOWN, merged.source, before))

    counts = FillCounts.of(clip.attributes)
    with write_behind(out) as write:
        for t, merged in enumerate(ordered_map(one_frame, range(visible_clip.count), job.threads)):
            if t in wanted:
                write(t, frames=only_hidden(merged.frame, hidden[t]), holes=merged.hole, source=merged.source)
            counts.add(t, merged)
    out.attributes.update(asdict(counts))
