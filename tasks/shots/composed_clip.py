"""A clip with what a stage filled laid over it: such stages store the pixels that the mask hides, and no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.cache.stage_store import StageStore
from storage.cache.stored_array import StoredArray
from tasks.shots.filled_clip import Derived
from tasks.shots.grown_clip import GrownClip, GrownView
from tasks.shots.plates import PaintedShot, PaintedView
from tasks.shots.shot import Shot, ShotView
from tasks.stage.cached_stage import Job, StageResult


@dataclass(frozen=True)
class ComposedClip:
    """A clip or shot, filled as far as a stage filled it."""

    clip: "StageResult | Shot | GrownClip | PaintedShot"
    filled: StageResult
    """What merge, register_frames or deflicker made of it."""

    @property
    def digest(self) -> str:
        """That of the filled pixels, which stands for the clip too: they were made of it."""
        return self.filled.digest

    @property
    def undecided(self) -> bool:
        """Whether it stands, in a plan, for a result that may not be needed."""
        return self.filled.undecided

    @property
    def why(self) -> str:
        """What it waits for, if it is undecided."""
        return self.filled.why

    @property
    def shot(self) -> str:
        """Name of the shot, see `Shot`."""
        return self.filled.shot

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the filled pixels, and of the holes left."""
        return self.filled.attributes

    def check(self) -> None:
        """Raise InputError if the clip is read from a file that has changed."""
        self.clip.check()

    def open(self, job: Job) -> "ComposedView":
        """Open what is below and what is laid over it."""
        return ComposedView(self.clip.open(job), self.filled.open(job))


class ComposedView:
    """The arrays of what a stage filled, its frames whole: where nothing is hidden they are those of the clip."""

    def __init__(self, clip: "ClipView", filled: StageStore) -> None:
        """Look at both."""
        self._clip, self._filled, self.attributes = clip, filled, filled.attributes
        self._frames = ComposedFrames(clip["frames"], filled["frames"], hidden_pixels(clip))

    def __getitem__(self, name: str) -> Any:
        """Array `name` as a lazy sequence."""
        if name == "frames":
            return self._frames
        return hidden_pixels(self._clip) if name == "hidden" else self._filled[name]

    def __contains__(self, name: str) -> bool:
        return name == "hidden" or name in self._filled


class ComposedFrames(Derived):
    """Frames as a lazy sequence, (H, W, 3) uint8 each: those of the clip, where they are hidden what was filled."""

    def __init__(self, below: Any, filled: StoredArray, hidden: Any) -> None:
        """Look at the arrays; nothing is read."""
        super().__init__(len(filled), lambda t: np.where(hidden[t][..., None], filled[t], below[t]))
        self.shape, self.dtype = filled.shape, filled.dtype


ClipView = StageStore | ShotView | GrownView | PaintedView | ComposedView
"""Frames and holes of a clip or shot, open."""


def hidden_pixels(clip: ClipView) -> Any:
    """Return what the mask hides in each frame, (T, H, W) bool: the holes of the clip before anything was filled."""
    return clip["hidden"] if "hidden" in clip else clip["holes"]


def only_hidden(frame: NDArray[np.uint8], hidden: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the frame as it is stored: (H, W, 3) uint8, 0 where nothing is hidden."""
    return np.where(hidden[..., None], frame, np.uint8(0))
