"""Reading photos to train on: squares of one size. Images in, store out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.resizing import centre_square
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.media.images.folder import list_images, read_image
from tasks.stage.cached_stage import Job, StageParams, stage


class ReadPhotosParams(StageParams):
    """Which photos are taken, and at which size."""

    count: int | None = Field(None, ge=2)
    """Photos taken, in order of their names; null takes all."""
    side: int = Field(272, ge=16)
    """Side of the squares: the middle of each photo, resized."""


@stage(version=1)
def read_photos(out: StageStore, *, folder: str, params: ReadPhotosParams, job: Job) -> None:
    """Write the central square of each photo, at one size."""
    files = list_images(Path(folder))[: params.count]
    missing = out.create(frames=array_layout.frames(len(files), params.side, params.side))

    def read(t: int) -> tuple[int, NDArray[np.uint8]]:
        return t, centre_square(read_image(files[t]), params.side)

    for t, photo in ordered_map(read, missing, job.threads):
        out.write(t, frames=photo)
    out.attributes["photos"] = len(files)
