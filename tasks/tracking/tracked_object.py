"""An object in every frame of a video: as given, as followed, or joined of two ways; and how sure that is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dfvi_models.segmentation.tracking import join, spans_between
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageResult
from tasks.tracking.chains import Chain
from tasks.tracking.frame_span import FrameIndex
from tasks.tracking.outline_object import enlarged


@dataclass(frozen=True)
class FoundFrame:
    """The object in one frame."""

    frame: int
    share: NDArray[np.uint8]
    """(H, W), at the size of the video: how much of each pixel is the object, 0 to 255."""
    certainty: float
    """0 to 1."""
    is_given: bool


class TrackedObject:
    """An object, read frame by frame from what is stored of it."""

    def __init__(self, job: Job, index: FrameIndex, outlined: Mapping[int, StageResult], chains: tuple[Chain, ...]):
        """Look at it; nothing is read."""
        self._index = index
        self._given: dict[int, StageStore] = {t: result.open(job) for t, result in outlined.items()}
        self._chains = {(chain.given, chain.is_forward): chain.open(job) for chain in chains}

    def __iter__(self) -> Iterator[FoundFrame]:
        """Yield the object in every frame of the video, in order; nothing in shots in which it is not given."""
        clip = self._index.clip
        nothing = np.zeros((clip.height, clip.width), np.uint8)
        inside = {t: span for span in spans_between(self._given, self._index.shots) for t in range(*span[:2])}
        for t in range(clip.frame_count):
            if t in self._given:
                yield FoundFrame(t, np.where(self._given[t]["mask"][0], np.uint8(255), np.uint8(0)), 1.0, is_given=True)
            elif t in inside:
                span = inside[t]
                forward = self._chains[span.first, True].frame(t) if span.begins else None
                backward = self._chains[span.stop - 1, False].frame(t) if span.ends else None
                found = join(forward, backward, t - span.first, span.stop - 1 - t)
                share = enlarged(found.share, clip.height, clip.width)
                yield FoundFrame(t, share, found.certainty, is_given=False)
            else:
                yield FoundFrame(t, nothing, 0.0, is_given=False)

    def shots_without(self) -> list[tuple[int, int]]:
        """Return the shots in which it is not given, as first frame and the one after its last."""
        return [shot for shot in self._index.shots if not any(shot[0] <= t < shot[1] for t in self._given)]
