"""All filled shots of a clip together, as encoding reads them."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dfvi_models.shots.regions import Bounds
from storage.cache.root import Root
from storage.cache.stage_key import DIGEST_LENGTH, canonical_json
from storage.cache.stage_store import StageStore
from tasks.shots.filled_clip import Derived, FilledClip
from tasks.stage.cached_stage import Job, StageResult
from tasks.stage.recipe import was_dropped


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
    kept: StageResult | None = None
    """Its hole pixels alone, where nothing else of it is to stay. They follow from the rest, so no digest has them."""

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
        return OpenShots([self._open(shot, job) for shot in self.shots], self.to_json())

    @staticmethod
    def _open(shot: FilledShot, job: Job) -> "OpenShot | KeptShot":
        if shot.kept is not None:
            return KeptShot.of(shot.first, shot.kept.open(job), shot.box)
        fill, grown = (result.open(job) if result else None for result in (shot.fill, shot.grown))
        return OpenShot.of(shot.first, FilledClip(shot.merged.open(job), fill), grown, shot.box)

    def results_read(self) -> Iterator[StageResult]:
        """What is read to encode the shots."""
        for shot in self.shots:
            parts = (shot.kept,) if shot.kept is not None else (shot.merged, shot.fill, shot.grown)
            yield from (part for part in parts if part is not None)

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

    @classmethod
    def of(cls, first: int, filled: FilledClip, grown: StageStore | None, box: Sequence[int] | None) -> "OpenShot":
        """Return the shot, of whole frames where there is no box."""
        return cls(first, filled, grown, _inside(box, filled.height, filled.width))

    @property
    def count(self) -> int:
        """Its frames."""
        return self.filled.count

    @property
    def holes(self) -> Sequence[NDArray[np.bool_]] | None:
        """What was filled, inside its rows and columns; None where that are the holes of the clip."""
        return self.grown["holes"] if self.grown else None

    def lay_on(self, frame: NDArray[np.uint8], t: int, hole: NDArray[np.bool_]) -> None:
        """Write what was filled of frame t of the shot into a frame as it was decoded, inside its hole."""
        frame[self.inside][hole] = self.filled.frames[t][hole]


@dataclass(frozen=True)
class KeptShot:
    """A filled shot, or region of one, of which only the pixels of its hole are stored."""

    first: int
    """Number of its first frame in the clip."""
    store: StageStore
    """What keep_filled made."""
    inside: tuple[slice, slice]
    """Rows and columns of the frame that it shows."""

    @classmethod
    def of(cls, first: int, store: StageStore, box: Sequence[int] | None) -> "KeptShot":
        """Return the shot, of whole frames where there is no box."""
        return cls(first, store, _inside(box, *store["holes"].shape[1:]))

    @property
    def count(self) -> int:
        """Its frames."""
        return len(self.store["holes"])

    @property
    def holes(self) -> Sequence[NDArray[np.bool_]]:
        """What was filled, inside its rows and columns."""
        return self.store["holes"]

    def lay_on(self, frame: NDArray[np.uint8], t: int, hole: NDArray[np.bool_]) -> None:
        """Write what was filled of frame t of the shot into a frame as it was decoded, inside its hole."""
        frame[self.inside][hole] = self.store["colours"][t][: np.count_nonzero(hole)]


def _inside(box: Sequence[int] | None, height: int, width: int) -> tuple[slice, slice]:
    y0, x0, y1, x1 = box or (0, 0, height, width)
    return slice(y0, y1), slice(x0, x1)


@dataclass(frozen=True)
class OpenShots:
    """Filled shots with their stores open."""

    shots: Sequence[OpenShot | KeptShot]
    told: Sequence[Sequence[Any]]
    """Where they lie, as plain values from which `open_shots` finds them again."""


def open_shots(root: Root, video: str, told: Sequence[Sequence[Any]]) -> OpenShots:
    """Open the stores of filled shots, told as by FilledShots.to_json."""
    opened = []
    for shot in told:
        first, stage, merged, fill, grown, box = (*shot, None, None)[:6]  # results made before there were regions
        fill_store = _stored(root, video, "fill_key_frames", fill) if fill else None
        filled = FilledClip(_stored(root, video, stage, merged), fill_store)
        holes = _stored(root, video, "grow_holes", grown) if grown else None
        opened.append(OpenShot.of(int(first), filled, holes, box))
    return OpenShots(opened, told)


def _stored(root: Root, video: str, stage: str, digest: str) -> StageStore:
    store = root.open_store(video, stage, digest)
    if store.state == "dropped":
        raise was_dropped(video, stage)
    return store


class ShownClip:
    """A decoded clip with its filled shots laid over it; frames are read when asked for."""

    def __init__(self, clip: StageStore, filled: OpenShots) -> None:
        """Look at the stores."""
        self.count, self.height, self.width = clip["frames"].shape[:3]
        self._clip = clip
        self._at: dict[int, list[OpenShot | KeptShot]] = {}
        for shot in filled.shots:
            for t in range(shot.first, shot.first + shot.count):
                self._at.setdefault(t, []).append(shot)
        self.frames = Derived(self.count, self._frame)
        self.holes = Derived(self.count, self._hole)
        """What was filled."""

    def _frame(self, t: int) -> Any:
        shots, frame = self._at.get(t, ()), self._clip["frames"][t]
        if shots:
            frame, hole = np.array(frame), self._clip["holes"][t]
        for shot in shots:
            inside = hole[shot.inside] if shot.holes is None else shot.holes[t - shot.first]
            shot.lay_on(frame, t - shot.first, inside)
        return frame

    def _hole(self, t: int) -> Any:
        hole = self._clip["holes"][t]
        grown = [shot for shot in self._at.get(t, ()) if shot.holes is not None]
        if grown:
            hole = np.array(hole)
        for shot in grown:
            hole[shot.inside] = shot.holes[t - shot.first]  # type: ignore[index]
        return hole
