"""Cutting test holes into a clip without holes; the result replaces that of decode. Store in, store out."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.evaluation.holes import back_and_forth, centre_box, moving_shape
from dfvi_models.numerics.holes import dilate_by_cross, resize_hole_nearest
from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.images.folder import list_images
from storage.media.masks.holes import DEFAULT_THRESHOLD
from storage.media.masks.kinds.image_value import image_value
from tasks.stage.cached_stage import Job, StageParams, stage

HoleKind = Literal["box", "shape", "object"]


class CutHolesParams(StageParams):
    """Which pixels are hidden."""

    kind: HoleKind
    """box: the middle quarter of height and width; shape: a random shape that moves slowly; object: the object masks
    of another clip."""
    seed: int = Field(0, ge=0)
    """Decides the shape."""
    dilation: int = Field(4, ge=0, le=100)
    """How often an object mask is grown by its 4 neighbours; E2FGVI and ProPainter grow it 4 times."""


@stage(version=1)
def cut_holes(
    out: StageStore, *, truth: StageStore, masks: str | None = None, params: CutHolesParams, job: Job
) -> None:
    """Write the holes, and the frames with black in their holes, so that no method can see the truth there."""
    count, height, width = truth["frames"].shape[:3]
    layouts = {"frames": array_layout.frames(count, height, width), "holes": array_layout.holes(count, height, width)}
    wanted = set(out.create(**layouts))
    hole_of = _holes(params, masks, height, width)

    def one_frame(t: int) -> NDArray[np.bool_]:
        return hole_of(t) if t in wanted else out["holes"][t]

    counts = []
    for t, hole in enumerate(ordered_map(one_frame, range(count), job.threads)):
        if t in wanted:
            out.write(t, frames=np.where(hole[..., None], np.uint8(0), truth["frames"][t]), holes=hole)
        counts.append(int(np.count_nonzero(hole)))
    if not any(counts):
        raise InputError(f"the masks {masks} mark no pixel in {count} frames; evaluate with another --seed")
    out.attributes.update({"kind": params.kind, "frames": count})
    out.attributes.update({"hole_pixels": sum(counts), "largest_hole": max(counts)})


def _holes(params: CutHolesParams, masks: str | None, height: int, width: int) -> Callable[[int], NDArray[np.bool_]]:
    """Return a function that gives the hole of a frame by its number."""
    if params.kind == "box":
        return lambda _t: centre_box(height, width)
    if params.kind == "shape":
        return lambda t: moving_shape(t, height, width, params.seed)
    if masks is None:
        raise InputError("object holes need the object masks of another clip; none was given")
    files = list_images(Path(masks))

    def object_hole(t: int) -> NDArray[np.bool_]:
        marked = image_value(files[back_and_forth(t, len(files))]) > DEFAULT_THRESHOLD
        return dilate_by_cross(resize_hole_nearest(marked, height, width), params.dilation)

    return object_hole
