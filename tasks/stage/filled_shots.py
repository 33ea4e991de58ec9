"""All filled shots of a clip together, as encoding reads them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfvi_models.shots.regions import Bounds
from storage.cache.root import Root
from storage.cache.stage_key import DIGEST_LENGTH, canonical_json
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageResult
from tasks.stage.filled_clip import Derived, FilledClip


@dataclass(frozen=True)
class FilledShot:
    """A shot without hole: the last merge or registration, and the key frames filled since; or both deflickered."""

    first: int
    """Number of its first frame in the clip."""
    merged: StageResult
    fill: StageResult | None = None
    grown: StageResult | None = None
    """Its holes as they have grown; None where they are those of the clip."""
    box: Bounds | None = None
    """Of a region, rows y0 to y1 and columns x0 to x1 as (y0, x0, y1, x1); None for whole frames."""

    def to_json(self) -> list[Any]:
        """Where it begins and what fills it, as `open_shots` reads it."""
        fill = self.fill.digest if self.fill else None
        grown = self.grown.digest if self.grown else None
        return [self.first, self.merged.stage, self.merged.digest, fill, grown, self.box and list(self.box)]


@dataclass(frozen=True)
class FilledShots:
    """The filled shots of a clip; what lies between them has no hole."""

    shots: tuple[FilledShot, ...]

    @property
    def digest(self) -> str:
        """Stands for the content of all shots and where they lie; empty in a plan as long as one is not decided."""
        if self.undecided:
            return ""
        text = canonical_json(self.to_json())
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:DIGEST_LENGTH]

    @property
    def undecided(self) -> bool:
        """Whether, in a plan, one of the results may not come about."""
        return any(part.undecided for part in self._results())

    @property
    def why(self) -> str:
        """What the undecided one waits for."""
        return next((part.why for part in self._results() if part.undecided), "")

    def to_json(self) -> list[list[Any]]:
        """Plain values from which `open_shots` finds all results again."""
        return [shot.to_json() for shot in self.shots]

    def total(self, name: str) -> int:
        """Sum over the shots of a number that their last merges tell, such as `propagated`."""
        return sum(int(shot.merged.attributes.get(name, 0)) for shot in self.shots)

    @property
    def added_pixels(self) -> int:
        """By which holes have grown."""
        return sum(int(shot.grown.attributes.get("added_pixels", 0)) for shot in self.shots if shot.grown)

    def check(self) -> None:
        """Do nothing: finished results do not change."""

    def open(self, job: Job) -> "OpenShots":
        """Open the stores of all shots."""
        return open_shots(Root(job.root), self.shots[0].merged.video_name, self.to_json())

    def _results(self) -> list[StageResult]:
        return [part for shot in self.shots for part in (shot.merged, shot.fill, shot.grown) if part is not None]


@dataclass(frozen=True)
class OpenShot:
    """A filled shot, or a filled region of one, with its stores open."""

    first: int
    """Number of its first frame in the clip."""
    filled: FilledClip
    grown: StageStore | None
    """Its holes, where they have grown."""
    inside: tuple[slice, slice]
    """Rows and columns of the frame that it shows."""


@dataclass(frozen=True)
class OpenShots:
    """Filled shots with their stores open."""

    shots: Sequence[OpenShot]
    told: Sequence[Sequence[Any]]
    """Where they lie, as plain values from which `open_shots` finds them again."""


def open_shots(root: Root, video: str, told: Sequence[Sequence[Any]]) -> OpenShots:
    """Open the stores of filled shots, told as by FilledShots.to_json."""
    opened = []
    for shot in told:
        first, stage, merged, fill, grown, box = (*shot, None, None)[:6]  # results made before there were regions
        fill_store = root.open_store(video, "fill_key_frames", fill) if fill else None
        filled = FilledClip(root.open_store(video, stage, merged), fill_store)
        y0, x0, y1, x1 = box or (0, 0, filled.height, filled.width)
        holes = root.open_store(video, "grow_holes", grown) if grown else None
        opened.append(OpenShot(int(first), filled, holes, (slice(y0, y1), slice(x0, x1))))
    return OpenShots(opened, told)


class ShownClip:
    """A decoded clip with its filled shots laid over it; frames are read when asked for."""

    def __init__(self, clip: StageStore, filled: OpenShots) -> None:
        """Look at the stores."""
        self.count, self.height, self.width = clip["frames"].shape[:3]
        self._clip = clip
        self._at: dict[int, list[OpenShot]] = {}
        for shot in filled.shots:
            for t in range(shot.first, shot.first + shot.filled.count):
                self._at.setdefault(t, []).append(shot)
        self.frames = Derived(self.count, self._frame)
        self.holes = Derived(self.count, self._hole)
        """What was filled."""

    def _frame(self, t: int) -> Any:
        shots = self._at.get(t, ())
        if len(shots) == 1 and (shots[0].filled.height, shots[0].filled.width) == (self.height, self.width):
            return shots[0].filled.frames[t - shots[0].first]
        frame = self._clip["frames"][t]
        if shots:
            frame = np.array(frame)
        for shot in shots:
            frame[shot.inside] = shot.filled.frames[t - shot.first]
        return frame

    def _hole(self, t: int) -> Any:
        hole = self._clip["holes"][t]
        grown = [shot for shot in self._at.get(t, ()) if shot.grown]
        if grown:
            hole = np.array(hole)
        for shot in grown:
            hole[shot.inside] = shot.grown["holes"][t - shot.first]  # type: ignore[index]
        return hole
