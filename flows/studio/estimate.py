"""How much of a run is done, and how long the rest takes, by what the stages tell of their items."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.configs.run_config import load_config
from flows.pipeline.preflight import titles_of
from flows.studio.jobs import StageProgress, Step

COSTS = {
    "decode": 1.0,
    "find_shots": 0.3,
    "grow_holes": 1.0,
    "estimate_flow": 4.0,
    "complete_flow": 4.0,
    "propagate": 3.0,
    "merge": 2.0,
    "register_frames": 6.0,
    "fill_key_frames": 1.0,
    "deflicker": 2.0,
    "encode": 1.0,
}
"""How long the stages take for a frame, against one another; at half the size for drafts, whose number is below 0."""
DRAFT = 0.4
LEAST_SHARE, LEAST_SECONDS = 0.04, 4.0
"""Before so much is done nobody can tell how long it takes."""


@dataclass
class Estimate:
    """Counts what one run has done."""

    titles: Sequence[str]
    """Stages that there will be; more of them may come."""
    frames: int
    began: float | None = None
    """When the first item was finished."""
    _finished: dict[str, int] = field(default_factory=dict)
    _totals: dict[str, int] = field(default_factory=dict)
    _last: dict[str, tuple[int, int]] = field(default_factory=dict)

    def hear(self, title: str, finished: int, total: int) -> None:
        """Take in that so many items of a stage, of the whole video or of a shot of it, are finished."""
        self.began = self.began or time.monotonic()
        before, _ = self._last.get(title, (0, 0))
        is_next_shot = finished <= before
        self._last[title] = finished, total
        self._finished[title] = self._finished.get(title, 0) + (finished if is_next_shot else finished - before)
        self._totals[title] = self._totals.get(title, 0) + (total if is_next_shot or before == 0 else 0)

    def stages(self) -> list[StageProgress]:
        """Return the stages that were worked on, in that order."""
        return [
            StageProgress(title=title, finished=n, total=self._totals[title]) for title, n in self._finished.items()
        ]

    def share(self) -> float:
        """Return how much is done, 0 to 1; stages that were passed over are stored, and count for nothing."""
        known = [*self.titles, *(title for title in self._finished if title not in self.titles)]
        last = max((known.index(title) for title in self._finished), default=-1)
        done = whole = 0.0
        for number, title in enumerate(known):
            if title in self._finished or number > last:
                cost = cost_of(title)
                whole += cost
                done += cost * min(1.0, self._finished.get(title, 0) / max(self.frames, 1))
        return done / whole if whole else 0.0

    def seconds_left(self) -> float | None:
        """Return how long the rest is likely to take; None as long as that is not known."""
        if self.began is None:
            return None
        share, seconds = self.share(), time.monotonic() - self.began
        if share < LEAST_SHARE or seconds < LEAST_SECONDS:
            return None
        return seconds / share * (1 - share)


def titles_of_step(step: Step) -> list[str]:
    """Return the stages of a command, as they tell of their progress."""
    return titles_of(load_config(step.preset)) if step.preset else []


def cost_of(title: str) -> float:
    """Return how long a stage takes for a frame, against others."""
    stage, _, number = title.partition(" #")
    return COSTS.get(stage, 1.0) * (DRAFT if number.startswith("-") else 1.0)
