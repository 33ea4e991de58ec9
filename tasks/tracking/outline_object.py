"""An object in a frame in which it is given: by a mask as it is, by a box as what stands out in it. Store out."""

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.segmentation.outlining import outline_in_box
from dfvi_models.segmentation.tracking import MARKED
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.media.masks.holes import DEFAULT_THRESHOLD
from storage.media.masks.kinds.box import BoxMask
from storage.media.masks.parsing import parse_mask
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.tracking.frame_span import SpanFrames


class OutlineObjectParams(StageParams):
    """Which frame of the mask counts, and which object of it."""

    frame: int = Field(0, ge=0)
    """Number of the frame in the video."""
    mask_object: int | None = Field(None, ge=1)
    """Of a label map, the number of the object; null takes all."""


@stage(version=1)
def outline_object(
    out: StageStore,
    *,
    frame: SpanFrames,
    mask: str,
    params: OutlineObjectParams,
    job: Job,  # noqa: ARG001
) -> None:
    """Write the object at full size; its share in each pixel, and the frame, at the size of tracking."""
    (picture,) = frame
    height, width = picture.shape[:2]
    out.create(
        mask=array_layout.holes(1, frame.clip.height, frame.clip.width),
        share=array_layout.values(1, height, width, dtype="uint8"),
        picture=array_layout.frames(1, height, width),
    )
    marked, is_box = _marked(mask, frame, params)
    if is_box:
        share = _outlined(picture, _shrunk(marked, height, width))
        marked = (enlarged(share, *marked.shape) > MARKED) & marked
    out.write(0, mask=marked, share=_shrunk(marked, height, width), picture=picture)
    out.attributes["pixels"] = int(np.count_nonzero(marked))


def _marked(mask: str, frame: SpanFrames, params: OutlineObjectParams) -> tuple[NDArray[np.bool_], bool]:
    """What a mask marks in the frame, and whether that are boxes."""
    source = parse_mask(mask)
    marks = source.open(frame.clip, params.mask_object)
    at = params.frame if marks.count > 1 else 0
    marked = np.asarray(next(marks.read(at, at + 1)) > DEFAULT_THRESHOLD)
    return marked, all(isinstance(part, BoxMask) for part in source.sources)


def _outlined(picture: NDArray[np.uint8], box: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.flatnonzero(box.any(axis=1)), np.flatnonzero(box.any(axis=0))
    found = outline_in_box(picture, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
    return found.astype(np.uint8) * np.uint8(255)


def _shrunk(marked: NDArray[np.bool_], height: int, width: int) -> NDArray[np.uint8]:
    image = marked.astype(np.uint8) * np.uint8(255)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def enlarged(share: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the share of an object, (h, w) uint8, 0 to 255, at another size."""
    if share.shape != (height, width):
        share = np.asarray(cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return share
