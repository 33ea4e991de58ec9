"""What is known of the filled frames of a clip: where each pixel came from, how sure it is, what was left when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.merging.fusion import fuse
from dfvi_models.review.origins import DISTANT, EARLIER, LATER, OPEN, ORIGINS, count_origins, label_origins
from storage.cache.errors import DamagedStoreError
from tasks.reporting.run_results import ShotHistory, ShownResults
from tasks.shots.filled_shots import OpenShot
from tasks.stage import candidate_arrays

CARRIED = (EARLIER, LATER)


@dataclass(frozen=True)
class FrameReview:
    """One frame before and after, and what is known of its hole."""

    t: int
    """Its number among the frames that are looked at."""
    before: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    after: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """(H, W), indices of ORIGINS."""
    confidence: NDArray[np.float32]
    """(H, W) 0..1 of pixels that flow carried, 0 of others in the hole that are no better than a guess; NaN where
    nothing is known."""
    left: Sequence[int]
    """Hole pixels left after each iteration."""

    @property
    def counts(self) -> list[int]:
        """Pixels of each of ORIGINS."""
        return [int(n) for n in count_origins(self.labels)]

    @property
    def mean_confidence(self) -> float | None:
        """Mean over all pixels of the hole whose confidence is known; None where there is none."""
        known = self.confidence[np.isfinite(self.confidence)]
        return round(float(known.mean()), 4) if known.size else None

    @property
    def doubt(self) -> float:
        """Pixels that are likely wrong: the sum of what confidence lacks to 1."""
        return float(np.nansum(1 - self.confidence))


def review_frame(results: ShownResults, t: int) -> FrameReview:
    """Look at frame t of a clip, counted among those that were decoded.

    Raises : DamagedStoreError if it, or what fills it, cannot be read.
    """
    before, after = results.clip["frames"][t], results.shown.frames[t]
    labels = np.zeros(before.shape[:2], np.uint8)
    confidence = np.full(before.shape[:2], np.nan, np.float32)
    left: list[int] = []
    hole = results.shown.holes[t]
    labels[hole] = OPEN
    for shot, history in zip(results.shots, results.histories, strict=True):
        at = t - shot.first
        if not 0 <= at < shot.filled.count:
            continue
        inside = hole[shot.inside]
        mine = _labels(shot, history, at, inside)
        labels[shot.inside] = np.where(inside, mine, labels[shot.inside])
        sure = _confidence(history, at, before[shot.inside], inside, mine)
        confidence[shot.inside] = np.where(inside, sure, confidence[shot.inside])
        for number, merged in enumerate(history.merges):
            count = int(np.count_nonzero(merged["holes"][at]))
            left += [0] * (number + 1 - len(left))
            left[number] += count
    return FrameReview(t, before, after, labels, confidence, left)


def _labels(shot: OpenShot, history: ShotHistory, t: int, hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    registered = history.registered["registered"][t] if history.registered is not None else None
    return label_origins(
        shot.filled.source[t], hole, t, left=shot.filled.holes[t], registered=registered, plates=history.plates
    )


def _confidence(
    history: ShotHistory,
    t: int,
    frame: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    labels: NDArray[np.uint8],
) -> NDArray[np.float32]:
    """How sure colours are that flow carried; nothing is known of distant and painted ones, others are not seen."""
    confidence = np.where(labels > DISTANT, 0, np.nan).astype(np.float32)
    confidence[labels == ORIGINS.index("painted")] = np.nan
    if history.carried is None or history.plates or not hole.any():
        return confidence
    try:
        forward, backward = (candidate_arrays.read(history.carried, d, t, hole) for d in ("forward", "backward"))
    except DamagedStoreError:
        return confidence
    found = np.zeros(hole.shape, np.float32)
    found[hole] = fuse(frame, hole, t, forward, backward).confidence
    return np.where(np.isin(labels, CARRIED), found, confidence)
