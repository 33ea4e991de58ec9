"""The frame from which a plate is painted: one that was filled, as it was filled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.types import INVENTED
from storage.errors import InputError
from tasks.shots.filled_shots import FilledShots, OpenShot, ShownClip
from tasks.stage.cached_stage import Job, StageResult


@dataclass(frozen=True)
class PlateStart:
    """A filled frame, and what is known of its hole."""

    frame: int
    """Its number in the video."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, filled."""
    hole: int
    """Pixels of its hole as it was filled."""
    invented: int
    """Those of them that no frame shows."""
    box: tuple[int, int, int, int]
    """x, y, width and height of what surrounds the hole."""


def plate_start(job: Job, clip: StageResult, filled: FilledShots, frame: int | None = None) -> PlateStart:
    """Return a filled frame to paint on.

    frame  : its number in the video; None takes the one with most invented pixels, then with the largest hole.
    Raises : InputError if that frame was not decoded, or has no hole.
    """
    shots = filled.open(job)
    shown = ShownClip(clip.open(job), shots)
    start, count = int(clip.attributes["start"]), int(clip.attributes["frames"])
    if frame is not None and not start <= frame < start + count:
        raise InputError(f"there is no frame {frame}; the run took frames {start} to {start + count - 1}")
    invented: dict[int, int] = {}
    for shot in shots.shots:
        if not isinstance(shot, OpenShot):
            continue
        for t, source in enumerate(shot.filled.source, shot.first):
            if frame is None or t == frame - start:
                invented[t] = invented.get(t, 0) + int(np.count_nonzero(source == INVENTED))
    sizes = {t: int(np.count_nonzero(shown.holes[t])) for t in invented}
    chosen = max(invented, key=lambda t: (invented[t], sizes[t]), default=None)
    if chosen is None or not sizes[chosen]:
        raise InputError(f"frame {frame} has no hole; choose another, or leave --frame away")
    rows, columns = (np.flatnonzero(shown.holes[chosen].any(axis=axis)) for axis in (1, 0))
    box = (columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    return PlateStart(start + chosen, shown.frames[chosen], sizes[chosen], invented[chosen], tuple(map(int, box)))  # type: ignore[arg-type]
