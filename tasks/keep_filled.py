"""Keeping: of a filled shot the pixels of its hole alone, so that everything else of it can go. Store in, store out."""

import numpy as np
from numpy.typing import NDArray

from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, StageParams, stage


class KeepFilledParams(StageParams):
    """Nothing can be chosen."""


@stage(version=1)
def keep_filled(
    out: StageStore,
    *,
    clip: StageStore,
    merged: StageStore,
    fill: StageStore | None = None,
    params: KeepFilledParams,  # noqa: ARG001
    job: Job,
) -> None:
    """Write every hole, and the colours of its pixels in row-major order."""
    filled = FilledClip(merged, fill)
    holes = array_layout.holes(filled.count, filled.height, filled.width)
    colours = array_layout.values(filled.count, int(clip.attributes["largest_hole"]), 3, dtype="uint8")
    wanted = out.create(holes=holes, colours=colours)

    def one_frame(t: int) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
        hole, kept = clip["holes"][t], np.zeros(colours.shape[1:], np.uint8)
        if hole.any():
            kept[: np.count_nonzero(hole)] = filled.frames[t][hole]
        return hole, kept

    for t, (hole, kept) in zip(wanted, ordered_map(one_frame, wanted, job.threads), strict=True):
        out.write(t, holes=hole, colours=kept)
