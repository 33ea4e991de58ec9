"""Cutting out: the part of a shot around a hole, which the stages that fill it read. Store in, store out."""

import numpy as np

from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.shot import ShotView
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.write_behind import write_behind


class CutRegionParams(StageParams):
    """Nothing: what is cut out is the region that is read."""


@stage(version=1)
def cut_region(out: StageStore, *, clip: ShotView, params: CutRegionParams, job: Job) -> None:  # noqa: ARG001
    """Write frames and holes inside the region's box: whole frames are decompressed once, and not by every stage."""
    count, height, width = clip["holes"].shape
    wanted = out.create(
        frames=array_layout.frames(count, height, width), holes=array_layout.holes(count, height, width)
    )
    read = ordered_map(lambda t: (clip["frames"][t], clip["holes"][t]), wanted, job.threads)
    with write_behind(out) as write:
        for t, (frame, hole) in zip(wanted, read, strict=True):
            write(t, frames=frame, holes=hole)
    sizes = [int(np.count_nonzero(out["holes"][t])) for t in range(count)]
    out.attributes.update({"frames": count, "hole_pixels": sum(sizes), "largest_hole": max(sizes)})
