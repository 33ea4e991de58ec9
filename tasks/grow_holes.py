"""Growth: holes take in the blurred edge and the shadow of what is removed. Store in, store out."""

import numpy as np
from pydantic import Field

from dfvi_models.rims.growth import REACH
from dfvi_models.rims.growth import grow_holes as grown_holes
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.write_behind import write_behind


class GrowHolesParams(StageParams):
    """How far holes grow over what other frames show differently."""

    reach: float = Field(REACH, ge=0, le=1)
    """How far a hole may grow by itself over blurred edges and shadows beside it, of the frame's shorter side; 0 leaves
    every hole as it is. A small one that stands still in the picture, as a logo does, never grows."""


@stage(version=5)  # 2: shadows that end nearby; 3, 4: nothing where little would join; 5: some frames first
def grow_holes(out: StageStore, *, clip: StageStore, params: GrowHolesParams, job: Job) -> None:
    """Write every hole with what joined it."""
    count, height, width = clip["holes"].shape
    wanted = out.create(holes=array_layout.holes(count, height, width))
    sizes, added = np.zeros(count, np.int64), 0
    found = grown_holes(clip["frames"], clip["holes"], wanted=wanted, reach=params.reach, threads=job.threads)
    with write_behind(out) as write:
        for t, hole in found:
            write(t, holes=hole)
    for t in range(count):
        sizes[t] = np.count_nonzero(out["holes"][t])
        added += int(sizes[t]) - int(np.count_nonzero(clip["holes"][t]))
    out.attributes.update({"frames": count, "hole_pixels": int(sizes.sum()), "largest_hole": int(sizes.max())})
    out.attributes["added_pixels"] = added
