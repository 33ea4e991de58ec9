"""How a result is made again whose arrays were given up: by the same body, of the same inputs, with the same bits."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage.cache.stage_store import StageStore
from storage.errors import InputError

if TYPE_CHECKING:
    from tasks.stage.cached_stage import Input, Job, Stage, StageParams


def was_dropped(video: str, stage: str) -> InputError:
    """Return the error of who wants to look at what is not stored any more."""
    return InputError(
        f"what {stage} stored of {video} was dropped, as a run with keep: result or tune does; run dfvi inpaint with "
        "--keep all and the same options, which makes it again"
    )


class Recipe:
    """What a result was made by and of. No dataclass: Prefect looks into these for what it is to wait for."""

    def __init__(self, stage: "Stage", params: "StageParams", inputs: "Mapping[str, Input]", iteration: int) -> None:
        """Remember how `stage` was run."""
        self._stage, self._params, self._inputs, self._iteration = stage, params, inputs, iteration
        self.is_repeatable = params.is_repeatable
        """Whether the body can make the result again."""
        self.was_followed = False
        """Whether the result was made again."""
        self._reads_source = False

    def open(self, job: "Job") -> Any:
        """Return what a reader of the dropped result reads from: the store, made again, or the source."""
        if job.keep == "result" and self._stage.reader is not None:
            self._reads_source = True
            return self._stage.read_source(job, self._params, self._inputs)
        self.was_followed = True
        return self._stage.make_again(job, self._params, self._inputs, self._iteration)

    def check(self) -> None:
        """Raise InputError if an input has changed that is read while the result is."""
        for given in self._inputs.values() if self._reads_source else ():
            given.check()


def open_or_make(store: StageStore, recipe: Recipe | None, job: "Job") -> Any:
    """Return a store to read from; where its arrays were dropped, what its recipe makes.

    Raises : InputError if they were, and the result was only looked up.
    """
    if store.state != "dropped":
        return store
    if recipe is None:
        raise was_dropped(job.video_name, store.key.stage)
    return recipe.open(job)
