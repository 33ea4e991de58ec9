"""Whether a mask runs behind or ahead of its video: its outline then lies beside the edges that the picture shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dfvi_models.masks.measures import SHIFTS

FEWEST_FRAMES = 8  # with a moving outline
LEAST_GAIN = 0.06  # of the edges along the outline, by which the other frame must fit better
LEAST_SHARE = 0.65  # of the frames in which it must


def frames_late(edges: Sequence[NDArray[np.float32]]) -> int:
    """Return by how many frames a mask lags behind its video: 1 if it shows in frame t what the video showed in t - 1.

    edges   : (shifts, offsets) of each frame whose outline moved, see measures.FrameMeasure.
    Returns : frames, below 0 where the mask runs ahead; 0 where nothing speaks against it, or too little is known.

    A mask in step has the thing's edges at one distance from its outline all around; out of step they lie farther out
    on one side and farther in on the other. So for each shift the best distance counts.
    """
    if len(edges) < FEWEST_FRAMES:
        return 0
    table = np.stack(edges)
    is_known = np.isfinite(table[:, 0]).sum(axis=0) >= FEWEST_FRAMES
    if not is_known.any():
        return 0
    table = table[:, :, is_known]
    mean = np.nanmean(table, axis=0)
    here = SHIFTS.index(0)
    distances = mean.argmax(axis=1)
    best = int(mean.max(axis=1).argmax())
    gains = table[:, best, distances[best]] - table[:, here, distances[here]]
    gains = gains[np.isfinite(gains)]
    if len(gains) < FEWEST_FRAMES:
        return 0
    is_clear = gains.mean() >= LEAST_GAIN * mean[here].max() and (gains > 0).mean() >= LEAST_SHARE
    return -SHIFTS[best] if is_clear else 0
