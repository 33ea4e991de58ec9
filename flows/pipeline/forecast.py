"""What a run will take, foreseen from past runs: seconds, memory, and the most bytes its results take at once.

All that happens outside of the shots (decode, find_shots, encode) grows with the pixels of all frames; what fills them
grows with the pixels worked on: of every shot with a hole, its frames times its box. A record of a run tells both, what
came of it, and on which machine, so no stored result is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from storage.cache.run_records import Keep, RunFacts

OUTSIDE = ("decode", "find_shots", "encode")
"""Stages of a whole clip, not of a shot."""
ABOUT = 1.5
"""Factor within which a forecast is right."""
MOST_RUNS = 20
"""The last past runs that count."""
PIXELS_OF_A_FRAME = 10_000
"""What a frame of a shot costs besides its pixels: as much time as so many of them (boxes of 7 to 58 thousand)."""
AT_REST = 350e6  # bytes that a process takes however small the boxes are, with all that is compiled
NO_COST = ("decode", "encode", "find_shots", "plates", "keep", "max_disk")
"""Sections of a configuration that do not decide what a pixel that is worked on costs."""
Group = Literal["frames", "holes", "drafts", "rest", "kept", "encoded"]
BYTES: Mapping[Group, float] = {"frames": 2.6, "holes": 0.01, "drafts": 6, "rest": 20, "kept": 0.6, "encoded": 0.3}
"""Bytes for each pixel, where no past run tells: of decoded frames, of holes alone, and of the output; of drafts, of
all other results of a shot, and of its kept hole, for each pixel worked on."""


class RunCost(BaseModel):
    """What one run took that had to compute everything."""

    host: str
    pixels: int
    """Of all frames of the clip."""
    worked: int
    """Pixels worked on."""
    frames: int
    """Frames worked on; one with two boxes counts twice."""
    outside: float
    """Seconds spent on the whole clip."""
    inside: float
    """Seconds spent on shots."""
    memory: int
    """Bytes at most, of the process that ran the stages."""
    bytes: dict[Group, int]
    """Bytes that its results took when they were finished, also of those that were dropped since."""


@dataclass(frozen=True)
class Work:
    """How much there is to do."""

    pixels: int
    """Of all frames of the clip."""
    worked: int
    """Pixels worked on."""
    frames: int
    """Frames worked on; one with two boxes counts twice."""
    at_once: int = 0
    """Pixels worked on of the shots that are filled side by side, at most."""


@dataclass(frozen=True)
class Forecast:
    """What a run will take; None where no past run of this machine tells."""

    seconds: float | None
    memory: float | None
    """Bytes."""
    disk: Mapping[Keep, float]
    """Bytes that results take at most, at each level of keeping."""
    runs: int
    """How many past runs it follows from."""


def past_costs(runs: Iterable[RunFacts], config: Mapping[str, Any]) -> list[RunCost]:
    """Return what the last runs took; of those with the same stages and parameters, if there are any."""
    found = [(run, cost) for run in runs if (cost := (run.summary or {}).get("cost"))]
    same = [(run, cost) for run, cost in found if _priced(run.inputs.get("config", {})) == _priced(config)]
    last = sorted(same or found, key=lambda each: each[0].started)[-MOST_RUNS:]
    return [RunCost.model_validate(cost) for _, cost in last]


def foresee_cost(work: Work, past: Sequence[RunCost], host: str) -> Forecast:
    """Foresee what a run takes.

    past : of earlier runs; seconds and memory follow from those on `host` alone.
    """
    here = [run for run in past if run.host == host]
    return Forecast(
        seconds=_seconds(work, here) if here else None,
        memory=_memory(work, here) if here else None,
        disk=_disk(work, past),
        runs=len(here),
    )


def _seconds(work: Work, here: Sequence[RunCost]) -> float:
    outside = sum(run.outside for run in here) / sum(run.pixels for run in here) * work.pixels
    return outside + sum(run.inside for run in here) / sum(_effort(run) for run in here) * _effort(work)


def _memory(work: Work, here: Sequence[RunCost]) -> float:
    above = sum(max(run.memory - AT_REST, 0) for run in here) / sum(run.worked / run.frames for run in here)
    return AT_REST + above * work.worked / max(work.frames, 1)


def _effort(work: Work | RunCost) -> int:
    return work.worked + PIXELS_OF_A_FRAME * work.frames


def _disk(work: Work, past: Sequence[RunCost]) -> dict[Keep, float]:
    rate = {group: _bytes_a_pixel(group, past) for group in BYTES}
    shots, at_once = rate["drafts"] + rate["rest"], min(work.at_once or work.worked, work.worked)
    ends = rate["encoded"] * work.pixels
    stored = (rate["frames"] + rate["holes"]) * work.pixels + ends
    return {
        "all": stored + shots * work.worked,
        "tune": stored + rate["rest"] * work.worked + rate["drafts"] * at_once,
        "result": ends + rate["holes"] * work.pixels + shots * at_once + rate["kept"] * work.worked,
    }


def _bytes_a_pixel(group: Group, past: Sequence[RunCost]) -> float:
    """Return what past runs stored of a group for each pixel; what some of them did not store says nothing."""
    runs = [run for run in past if group in run.bytes]
    pixels = sum(run.pixels if group in ("frames", "holes", "encoded") else run.worked for run in runs)
    return sum(run.bytes[group] for run in runs) / pixels if pixels else BYTES[group]


def _priced(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name not in NO_COST}
