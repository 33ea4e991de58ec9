"""Laying moving objects of another clip over a clip without them: holes as real ones are. Store in, store out."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.evaluation.composites import Overlay, centre_of, lay_over
from dfvi_models.evaluation.holes import back_and_forth
from dfvi_models.numerics.holes import dilate_by_cross, resize_hole_nearest
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.numerics.resizing import resize_frame
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.images.folder import list_images, read_image
from storage.media.masks.holes import DEFAULT_THRESHOLD
from storage.media.masks.kinds.image_value import image_value
from tasks.stage.cached_stage import Job, StageParams, stage

SLANTS = (0.5, 1.5)  # of a shadow: pixels to the side for each pixel of height, drawn evenly, to either side


class LayObjectsParams(StageParams):
    """What the objects do to their surroundings."""

    shadows: bool = True
    """A shadow on the ground that moves with the object, and a darker one where it stands."""
    seed: int = Field(0, ge=0)
    """Decides where shadows fall."""
    dilation: int = Field(4, ge=0, le=100)
    """How often the object's hard mask is grown by its 4 neighbours to be the hole."""


@stage(version=1)
def lay_objects(
    out: StageStore, *, truth: StageStore, objects: str, masks: str, params: LayObjectsParams, job: Job
) -> None:
    """Write the frames with the objects' edges and shadows, black in their holes, and the holes.

    objects, masks : folders with a picture and a mask for each frame of the other clip.
    """
    count, height, width = truth["frames"].shape[:3]
    pictures, marks = list_images(Path(objects)), list_images(Path(masks))
    if len(pictures) != len(marks):
        raise InputError(f"{objects} holds {len(pictures)} pictures, {masks} {len(marks)} masks; they must be as many")
    wanted = set(
        out.create(frames=array_layout.frames(count, height, width), holes=array_layout.holes(count, height, width))
    )
    slant = _slant(params)

    @lru_cache(maxsize=8)
    def mask(number: int) -> NDArray[np.bool_]:
        return resize_hole_nearest(image_value(marks[number]) > DEFAULT_THRESHOLD, height, width)

    def one_frame(t: int) -> int:
        here, following = (back_and_forth(at, len(marks)) for at in (t, t + 1))
        hole = dilate_by_cross(mask(here), params.dilation)
        if t in wanted:
            picture = resize_frame(read_image(pictures[here]), height, width)
            overlay = Overlay(picture, mask(here), _motion(mask(here), mask(following)), slant)
            frame = lay_over(truth["frames"][t], overlay)
            out.write(t, frames=np.where(hole[..., None], np.uint8(0), frame), holes=hole)
        return int(np.count_nonzero(hole))

    pixels = list(ordered_map(one_frame, range(count), job.threads))
    if not any(pixels):
        raise InputError(f"the masks {masks} mark no pixel in {count} frames; evaluate with another --seed")
    out.attributes.update({"kind": "composite" if params.shadows else "overlay", "frames": count})
    out.attributes.update({"hole_pixels": sum(pixels), "largest_hole": max(pixels)})


def _slant(params: LayObjectsParams) -> float | None:
    if not params.shadows:
        return None
    side, size = np.random.Generator(np.random.PCG64(params.seed)).random(2)  # never changes, other draws may
    return float((SLANTS[0] + (SLANTS[1] - SLANTS[0]) * size) * (1 if side < 0.5 else -1))


def _motion(mask: NDArray[np.bool_], following: NDArray[np.bool_]) -> tuple[float, float]:
    here, there = centre_of(mask), centre_of(following)
    return (there[0] - here[0], there[1] - here[1]) if here and there else (0.0, 0.0)
