"""The frame from which a plate is painted: one that was filled, as it was filled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.types import INVENTED
from storage.errors import InputError
from tasks.stage.cached_stage import Job, StageResult
from tasks.stage.filled_clip import FilledClip
from tasks.stage.filled_shots import FilledShots, ShownClip


@dataclass(frozen=True)
class PlateStart:
    """A filled frame, and what is known of its hole."""

    frame: int
    """Its number in the video."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, filled."""
    hole: int
    """Pixels of its hole."""
    invented: int
    """Those of them that no frame shows."""
    box: tuple[int, int, int, int]
    """x, y, width and height of what surrounds the hole."""


def plate_start(job: Job, clip: StageResult, filled: FilledShots, frame: int | None = None) -> PlateStart:
    """Return a filled frame to paint on.

    frame  : its number in the video; None takes the one with most invented pixels, then with the largest hole.
    Raises : InputError if that frame was not decoded, or has no hole.
    """
    store, shots = clip.open(job), filled.open(job)
    start, count = int(clip.attributes["start"]), int(clip.attributes["frames"])
    if frame is not None and not start <= frame < start + count:
        raise InputError(f"there is no frame {frame}; the run took frames {start} to {start + count - 1}")
    invented = {
        first + t: int(np.count_nonzero(source == INVENTED))
        for first, shot in shots.by_first.items()
        if isinstance(shot, FilledClip)
        for t, source in enumerate(shot.source)
        if frame is None or first + t == frame - start
    }
    sizes = {t: int(np.count_nonzero(store["holes"][t])) for t in invented}
    chosen = max(invented, key=lambda t: (invented[t], sizes[t]), default=None)
    if chosen is None or not sizes[chosen]:
        raise InputError(f"frame {frame} has no hole; choose another, or leave --frame away")
    rows, columns = (np.flatnonzero(store["holes"][chosen].any(axis=axis)) for axis in (1, 0))
    box = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    image = ShownClip(store, shots).frames[chosen]
    return PlateStart(start + chosen, image, sizes[chosen], invented[chosen], tuple(map(int, box)))  # type: ignore[arg-type]
