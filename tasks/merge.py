"""Merging: decides which of the colours that reached a hole pixel it takes. Store in, store out."""

from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.merging.fusion import ConfidenceModel
from dfvi_models.merging.nearest import merge_nearest
from dfvi_models.merging.robust import merge_robust
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.types import INVENTED, KNOWN, Candidates, Merged
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage import candidate_arrays as candidates
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import FilledClip
from tasks.stage.write_behind import write_behind


class MergeParams(StageParams):
    """How the candidates of a pixel become one colour."""

    rule: Literal["robust", "nearest"] = "robust"
    """robust: what most candidates agree on, weighted by how surely each was carried, blended into the frame as far as
    it can be trusted; nearest: the colour seen nearer in time, as the paper does."""
    blending: bool = True
    """robust: blend; false writes the fused colours as they are."""
    trust: float = Field(0.0, ge=-10, le=20)
    """robust: added to the log-odds that carried detail is true. 0 comes nearest to the truth on average; more keeps
    what is doubtful sharp, right or wrong, less smooths it."""
    seam_blending: float = Field(8.0, ge=0, le=100)
    """nearest: pixels over which a step between colours of different frames, or to the rim, is smoothed out; 0: not."""


@stage(version=2)
def merge(
    out: StageStore,
    *,
    carried: StageStore,
    clip: StageStore,
    fill: StageStore | None = None,
    params: MergeParams,
    job: Job,
) -> None:
    """Write every frame with its hole filled as far as anything reached it, and where each pixel came from."""
    seen = FilledClip(clip, fill)
    size = (seen.count, seen.height, seen.width)
    source = array_layout.values(*size, dtype="int32")
    wanted = set(out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size), source=source))

    def one_frame(t: int) -> Merged:
        if t not in wanted:
            return Merged(np.empty(0, np.uint8), out["holes"][t], out["source"][t])
        hole, before = seen.holes[t], seen.source[t]
        forward, backward = (candidates.read(carried, d, t, hole) for d in ("forward", "backward"))
        merged = _merge(seen.frames[t], hole, t, forward, backward, params)
        return replace(merged, source=np.where(before == KNOWN, merged.source, before))

    share = Share()
    with write_behind(out) as write:
        for t, merged in enumerate(ordered_map(one_frame, range(seen.count), job.threads)):
            if t in wanted:
                write(t, frames=merged.frame, holes=merged.hole, source=merged.source)
            share.add(t, merged)
    out.attributes.update(asdict(share))


def _merge(
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    t: int,
    forward: Candidates,
    backward: Candidates,
    params: MergeParams,
) -> Merged:
    if params.rule == "robust":
        doubt = ConfidenceModel().shifted(params.trust)
        return merge_robust(frame, hole, t, forward, backward, blending=params.blending, doubt=doubt)
    return merge_nearest(frame, hole, t, forward, backward, seam_blending=params.seam_blending)


@dataclass
class Share:
    """What became of the clip's hole so far; pixels are counted over all frames."""

    holes_left: int = 0
    largest_hole: int = 0
    propagated: int = 0
    invented: int = 0
    unfinished_frames: list[int] = field(default_factory=list)

    def add(self, t: int, merged: Merged) -> None:
        """Count frame t."""
        left = int(np.count_nonzero(merged.hole))
        self.holes_left += left
        self.largest_hole = max(self.largest_hole, left)
        self.propagated += int(np.count_nonzero(merged.source >= 0))
        self.invented += int(np.count_nonzero(merged.source == INVENTED))
        if left:
            self.unfinished_frames.append(t)
