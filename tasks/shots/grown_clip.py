"""A clip or shot as the stages that fill it read it: its frames, and its holes as they have grown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.cache.stage_store import StageStore
from tasks.shots.shot import Shot, ShotView
from tasks.stage.cached_stage import Job, StageResult


@dataclass(frozen=True)
class GrownClip:
    """A clip or shot with other holes."""

    clip: StageResult | Shot
    grown: StageResult
    """What grow_holes made of it."""

    @property
    def digest(self) -> str:
        """That of the growth, which stands for the clip too: it is what grew."""
        return self.grown.digest

    @property
    def undecided(self) -> bool:
        """Whether it stands, in a plan, for holes that are not known yet."""
        return self.grown.undecided

    @property
    def why(self) -> str:
        """What it waits for, if it is undecided."""
        return self.grown.why

    @property
    def shot(self) -> str:
        """Name of the shot, see `Shot`."""
        return self.clip.shot

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is said of the clip, and of its holes as they are now."""
        return {**self.clip.attributes, **self.grown.attributes}

    def check(self) -> None:
        """Do nothing: finished results do not change."""

    def open(self, job: Job) -> "GrownView":
        """Open both stores."""
        return GrownView(self.clip.open(job), self.grown.open(job), self.attributes)


class GrownView:
    """The arrays of a clip, its holes in the place of those it had."""

    def __init__(self, clip: StageStore | ShotView, grown: StageStore, attributes: Mapping[str, Any]) -> None:
        """Look at both stores."""
        self._clip, self._grown, self.attributes = clip, grown, attributes

    def __getitem__(self, name: str) -> Any:
        """Array `name`."""
        return self._grown[name] if name == "holes" else self._clip[name]

    def __contains__(self, name: str) -> bool:
        return name in self._clip
