"""What of a shot's results stays once the shot is filled, and of a video's once it is encoded.

all    : everything.
tune   : what a changed parameter may be read by again; drafts go, which only helped to estimate flow.
result : of a filled shot the pixels of its hole, and these until the video is encoded.

A dropped result is still known by what it says of itself; whoever needs its arrays makes them again.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from storage.cache.root import Root
from tasks.stage.cached_stage import Job, StageResult
from tasks.stage.filled_shots import FilledShot, FilledShots
from tasks.stage.shot import Shot


class RemembersResults(Protocol):
    """What runs stages, and knows what came of them."""

    @property
    def job(self) -> Job:
        """Where and with what they run."""

    @property
    def done(self) -> list[StageResult]:
        """Their results."""


Step = TypeVar("Step", bound=RemembersResults)


def fill_and_drop(
    step: Step, fill: Callable[[Step, Shot], FilledShot], shot: Shot, *, is_encoded: bool = False
) -> FilledShot:
    """Fill a shot, and drop what need not stay.

    is_encoded : the video is encoded already, so that nobody will read what is kept of the shot.
    """
    before = len(step.done)
    filled = fill(step, shot)
    if filled.kept is not None and not is_encoded:
        filled.kept.open(step.job)  # made again where an earlier run had dropped it
    _drop(step.job, [result for result in step.done[before:] if _can_go(step.job, result, filled)])
    if step.job.keep == "result":
        clip = shot.clip
        Root(step.job.root).open_store(clip.video_name, clip.stage, clip.digest).drop_items(shot.first, shot.stop)
    return filled


def drop_encoded(job: Job, clip: StageResult, filled: FilledShots) -> None:
    """Drop what was kept of a video until it was encoded."""
    if job.keep == "result":
        _drop(job, [clip, *(shot.kept for shot in filled.shots if shot.kept is not None)])


def _can_go(job: Job, result: StageResult, filled: FilledShot) -> bool:
    if job.keep == "tune":
        return result.iteration < 0
    return job.keep == "result" and result != filled.kept


def _drop(job: Job, results: Sequence[StageResult]) -> None:
    root = Root(job.root)
    for result in results:
        root.drop(result.video_name, result.stage, result.digest)
