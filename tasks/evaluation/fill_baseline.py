"""Simple methods to compare with, which use no motion. Store in, store out."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from dfvi_models.image_inpainting.baselines import HarmonicInpainter, TeleaInpainter, TemporalMedianInpainter
from dfvi_models.protocols import ImageInpainter
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage

METHODS: dict[str, Callable[[], ImageInpainter]] = {
    "telea": TeleaInpainter,
    "harmonic": HarmonicInpainter,
    "median": TemporalMedianInpainter,
}


class FillBaselineParams(StageParams):
    """Which simple method fills the holes."""

    method: Literal["telea", "harmonic", "median"]
    """telea: each frame by itself, by OpenCV; harmonic: each by itself, as smooth as can be; median: of the 15 frames
    before and after, pixel by pixel."""


@stage(version=1)
def fill_baseline(out: StageStore, *, clip: StageStore, params: FillBaselineParams, job: Job) -> None:
    """Fill every hole of every frame."""
    size = clip["frames"].shape[:3]
    wanted = out.create(frames=array_layout.frames(*size), holes=array_layout.holes(*size))
    nothing_left = np.zeros(size[1:], np.bool_)
    filled = METHODS[params.method]().inpaint(clip["frames"], clip["holes"], wanted=wanted, threads=job.threads)
    for t, frame in filled:
        out.write(t, frames=frame, holes=nothing_left)
