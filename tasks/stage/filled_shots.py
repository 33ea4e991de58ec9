"""All filled shots of a clip together, as encoding reads them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.cache.root import Root
from storage.cache.stage_key import DIGEST_LENGTH, canonical_json
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageResult, was_dropped
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
    kept: StageResult | None = None
    """Its hole pixels alone, where nothing else of it is to stay."""

    def to_json(self) -> list[Any]:
        """Where it begins and what fills it, as `open_shots` reads it."""
        fill = self.fill.digest if self.fill else None
        grown = [self.grown.digest] if self.grown else []
        return [self.first, self.merged.stage, self.merged.digest, fill, *grown]


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
        by_first: dict[int, FilledClip | KeptShot] = {}
        grown: dict[int, Any] = {}
        for shot in self.shots:
            if shot.kept is not None:
                by_first[shot.first] = KeptShot(shot.kept.open(job))
                grown[shot.first] = by_first[shot.first]
            else:
                by_first[shot.first] = FilledClip(shot.merged.open(job), shot.fill.open(job) if shot.fill else None)
                grown |= {shot.first: shot.grown.open(job)} if shot.grown else {}
        return OpenShots(by_first, grown, self.to_json())

    def _results(self) -> list[StageResult]:
        return [part for shot in self.shots for part in (shot.merged, shot.fill, shot.grown) if part is not None]


@dataclass(frozen=True)
class OpenShots:
    """Filled shots with their stores open."""

    by_first: "Mapping[int, FilledClip | KeptShot]"
    """First frame of each shot -> the shot as it is filled."""
    grown: "Mapping[int, StageStore | KeptShot]"
    """First frame of each shot whose holes have grown -> these holes."""
    told: Sequence[Sequence[Any]]
    """Where they lie, as plain values from which `open_shots` finds them again."""


class KeptShot:
    """A shot of which only the pixels of its hole are stored."""

    def __init__(self, store: StageStore) -> None:
        """Look at what keep_filled stored."""
        self._store, self.count = store, len(store["holes"])

    def __getitem__(self, name: str) -> Any:
        """Array `holes`."""
        return self._store[name]

    def lay_over(self, frame: NDArray[np.uint8], t: int) -> NDArray[np.uint8]:
        """Return frame t of the shot, which is given as it was decoded, filled."""
        hole = self._store["holes"][t]
        size = np.count_nonzero(hole)
        if not size:
            return frame
        filled = frame.copy()
        filled[hole] = self._store["colours"][t][:size]
        return filled


def open_shots(root: Root, video: str, told: Sequence[Sequence[Any]]) -> OpenShots:
    """Open the stores of filled shots, told as by FilledShots.to_json."""
    opened: dict[int, FilledClip | KeptShot] = {}
    grown: dict[int, StageStore | KeptShot] = {}
    for first, stage, merged, fill, *growth in told:
        filled = _stored(root, video, "fill_key_frames", fill) if fill else None
        opened[int(first)] = FilledClip(_stored(root, video, stage, merged), filled)
        grown |= {int(first): _stored(root, video, "grow_holes", digest) for digest in growth}
    return OpenShots(opened, grown, told)


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
        self._at = {first + t: (shot, t) for first, shot in filled.by_first.items() for t in range(shot.count)}
        self._grown = {
            first + t: holes["holes"] for first, holes in filled.grown.items() for t in range(len(holes["holes"]))
        }
        self.frames = Derived(self.count, self._frame)
        self.holes = Derived(self.count, self._hole)
        """What was filled."""

    def _frame(self, t: int) -> Any:
        shot, number = self._at.get(t, (None, t))
        if shot is None:
            return self._clip["frames"][t]
        return shot.lay_over(self._clip["frames"][t], number) if isinstance(shot, KeptShot) else shot.frames[number]

    def _hole(self, t: int) -> Any:
        if t not in self._grown:
            return self._clip["holes"][t]
        return self._grown[t][self._at[t][1]]
