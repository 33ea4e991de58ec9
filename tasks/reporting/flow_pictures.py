"""The flow of a frame in a report, in Middlebury's colours: as estimated, and as completed in the hole."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dfvi_models.numerics.flow_color import flow_to_rgb
from dfvi_models.numerics.resizing import resize_flow
from storage.cache.errors import StoreError
from storage.cache.stage_store import StageStore
from tasks.reporting.frame_pictures import encode_jpeg
from tasks.reporting.run_results import ShotHistory, ShownResults
from tasks.services.clip_pictures import fit_width
from tasks.shots.filled_shots import OpenShot

WIDEST = 640  # pixels of a picture
WHEEL = 160  # pixels across
FASTEST = 0.99  # of the completed flow's pixels are no faster than what is shown in full colour
SLOWEST = 0.5  # pixels a frame: of less, colours would show noise


@dataclass(frozen=True)
class FlowPictures:
    """How a frame moves to the next one, inside the region that was filled."""

    t: int
    """Number of the frame among those that were to be filled."""
    estimated: bytes
    """JPEG."""
    completed: bytes
    """JPEG."""
    wheel: bytes
    """PNG that says which colour is which direction."""
    fastest: float
    """Pixels a frame at the rim of the wheel."""


def picture_flow(results: ShownResults, t: int) -> FlowPictures | None:
    """Picture the flow of frame t, counted among those that were to be filled; None where it is not stored.

    Of the regions that are filled there, the one with the largest hole is shown.
    """
    decoded = t + results.taken.start
    there = [
        (np.count_nonzero(results.shown.holes[decoded][shot.inside]), number)
        for number, shot in enumerate(results.shots)
        if 0 <= decoded - shot.first < shot.count
    ]
    if not there:
        return None
    number = max(there)[1]
    shot, history = results.shots[number], results.histories[number]
    try:
        return _pictures(results, shot, history, t) if history.estimated and history.completed else None
    except (StoreError, OSError):  # damaged: the table of stages says so
        return None


def _pictures(results: ShownResults, shot: OpenShot, history: ShotHistory, t: int) -> FlowPictures | None:
    if shot.count < 2 or history.estimated is None or history.completed is None:
        return None
    decoded = t + results.taken.start
    at = min(decoded - shot.first, shot.count - 2)  # the last frame has no next one
    hole = results.shown.holes[shot.first + at][shot.inside]
    before, after = (_flow(store, at, hole.shape) for store in (history.estimated, history.completed))
    fastest = max(float(np.quantile(np.hypot(after[..., 0], after[..., 1]), FASTEST)), SLOWEST)
    estimated, completed = (_outlined(flow_to_rgb(flow, fastest), hole) for flow in (before, after))
    return FlowPictures(shot.first + at - results.taken.start, estimated, completed, wheel(), round(fastest, 1))


def _flow(store: StageStore, at: int, size: tuple[int, ...]) -> NDArray[np.float32]:
    return resize_flow(store["flow_fw"][at], size[0], size[1])


def _outlined(colours: NDArray[np.uint8], hole: NDArray[np.bool_]) -> bytes:
    lines, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    drawn = np.ascontiguousarray(colours)
    cv2.drawContours(drawn, lines, -1, (20, 20, 20), max(1, round(colours.shape[1] / WIDEST)))
    return encode_jpeg(fit_width(drawn, WIDEST), "hole")


def wheel() -> bytes:
    """Return a disc as PNG: each point has the colour of a motion from the centre towards it."""
    y, x = np.mgrid[-1 : 1 : WHEEL * 1j, -1 : 1 : WHEEL * 1j].astype(np.float32)
    colours = flow_to_rgb(np.stack([x, y], axis=-1), 1.0)
    clear = np.clip((1 - np.hypot(x, y)) * WHEEL / 2, 0, 1) * 255
    file = io.BytesIO()
    Image.fromarray(np.dstack([colours, clear.astype(np.uint8)]), "RGBA").save(file, "PNG")
    return file.getvalue()
