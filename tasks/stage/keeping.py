"""What of a shot's results stays once the shot is filled, and of a video's once it is encoded.

all    : everything.
tune   : what may be read again when a parameter changes; drafts go, which only helped to estimate flow.
result : of a filled shot the pixels of its hole, and these until the video is encoded.

A dropped result is still known by what it says of itself; whoever needs its arrays makes them again.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from storage.cache.dropping import drop_results
from storage.cache.root import Root
from storage.cache.run_records import Keep
from tasks.shots.filled_shots import FilledShot
from tasks.shots.shot import Shot
from tasks.stage.cached_stage import Job, StageResult


class RemembersResults(Protocol):
    """What runs stages, and knows what came of them."""

    @property
    def job(self) -> Job:
        """Where and with what they run."""

    @property
    def done(self) -> list[StageResult]:
        """Their results."""


DRAFTS_KEPT_AT: tuple[Keep, ...] = ("all",)
OTHERS_KEPT_AT: tuple[Keep, ...] = ("all", "tune")

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
    kept = {filled.kept.digest} if filled.kept is not None else set()
    _drop(step.job, (result for result in step.done[before:] if result.digest not in kept))
    return filled


def drop_when_delivered(job: Job, done: Iterable[StageResult]) -> None:
    """Drop what need not stay of a video that was encoded and delivered.

    done : the results of its shots, and the decoded clip. Some of the shots' may still lie there: until it ended,
           another run kept them.
    """
    _drop(job, done)


def _drop(job: Job, results: Iterable[StageResult]) -> None:
    """Give up those of these results that the job does not keep, unless another run keeps them."""
    if job.keep == "all":
        return
    repeatable = [result for result in results if result.recipe is not None and result.recipe.is_repeatable]
    _drop_at(job, [result for result in repeatable if result.iteration < 0], kept_at=DRAFTS_KEPT_AT)
    if job.keep == "result":
        _drop_at(job, [result for result in repeatable if result.iteration >= 0], kept_at=OTHERS_KEPT_AT)


def _drop_at(job: Job, results: Sequence[StageResult], *, kept_at: Collection[Keep]) -> None:
    named = [(result.stage, result.digest) for result in results]
    drop_results(Root(job.root), job.video_name, named, kept_at=kept_at, record=job.record)
