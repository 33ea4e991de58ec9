"""What a run would do: for each stage reuse, resume or compute, and why. Nothing is computed and nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeGuard

from flows.configs.run_config import RunConfig
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.backends.root_url import Location
from storage.cache.housekeeping import nearest
from storage.cache.root import Root
from storage.cache.stage_key import StageKey
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.encode import encode
from tasks.stage.cached_stage import FINISHED, Action, Input, Stage, StageParams, StageResult, shot_of
from tasks.stage.filled_shots import FilledShots
from tasks.stage.grown_clip import GrownClip
from tasks.stage.plates import PaintedShot
from tasks.stage.shot import Shot

DROPPED = "known; its content was dropped"


@dataclass(frozen=True)
class PlannedStage:
    """What a run would do with one stage of one video."""

    video: str
    stage: str
    iteration: int
    action: Action
    why: str
    digest: str | None
    """None where it depends on a result that is not there yet."""
    shot: str = ""
    """First and last frame of the shot; empty for the whole video."""


@dataclass
class Planner:
    """Looks each stage up instead of running it."""

    root: Root | None
    video: str
    stages: list[PlannedStage] = field(default_factory=list)
    _dropped: dict[str, tuple[int, tuple[Input, ...]]] = field(default_factory=dict)
    """Digest of a result whose arrays were dropped -> its place in `stages`, and what it is made of."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Note down what a run would do with this stage."""
        shot = shot_of(inputs)
        if undecided := next((read for read in inputs.values() if _is_undecided(read)), None):
            self.stages.append(PlannedStage(self.video, stage.name, iteration, "compute", undecided.why, None, shot))
            return StageResult(self.video, stage.name, "", iteration, "compute", undecided.why, shot=shot)
        key = stage.key(params, {role: given for role, given in inputs.items() if given is not None})
        action, why, attributes = self._look_up(key)
        self.stages.append(PlannedStage(self.video, stage.name, iteration, action, why, key.digest, shot))
        given = tuple(read for read in inputs.values() if read is not None)
        if why == DROPPED:
            self._dropped[key.digest] = len(self.stages) - 1, given
        elif action != "reuse":
            self._need(given, stage.name)
        return StageResult(self.video, stage.name, key.digest, iteration, action, why, 0.0, attributes, shot)

    def _look_up(self, key: StageKey) -> tuple[Action, str, dict[str, object]]:
        if self.root is None:
            return "compute", "there is no root yet", {}
        store = self.root.store(self.video, key)
        if store.state in FINISHED:
            return "reuse", "stored" if store.state == "complete" else DROPPED, dict(store.attributes)
        if store.state == "partial":
            return "resume", "begun but not finished", {}
        stored = nearest(self.root, self.video, key)
        if stored is None:
            return "compute", "never computed", {}
        return "compute", ", ".join(key.differences(stored)), {}

    def _need(self, inputs: tuple[Input, ...], stage: str) -> None:
        """Say of results whose arrays were dropped that they are made again, because a stage reads them."""
        for result in results_in(inputs):
            place, made_of = self._dropped.pop(result.digest, (None, ()))
            if place is not None:
                why = f"dropped before, and {stage} needs it"
                self.stages[place] = replace(self.stages[place], action="compute", why=why)
                self._need(made_of, result.stage)


def results_in(value: Any) -> Iterator[StageResult]:
    """Find the stage results of which something that a stage reads is made."""
    if isinstance(value, StageResult):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from results_in(each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from results_in(getattr(value, each.name))


def plan_video(root: Location, name: str, config: RunConfig, video: MediaInput, mask: MediaInput) -> list[PlannedStage]:
    """Find what a run of one video would do, stage by stage, without computing or writing anything.

    root  : root of the stored results; need not exist.
    name  : name of the video below the root.
    Raises: InputError if `root` is not ours; WeightsError if a weight file is missing.
    """
    planner = Planner(Root.find(root), name)
    inpaint_clip(planner, config, video, mask)
    return planner.stages


def find_filled(root: Location, name: str, config: RunConfig, video: MediaInput, mask: MediaInput) -> ClipResults:
    """Return the results of a video that was filled with these parameters; whether it was encoded does not matter.

    Raises : InputError if it was not, or not to the end; otherwise like `plan_video`.
    """
    planner = Planner(Root.find(root), name)
    results = inpaint_clip(planner, config.model_copy(update={"keep": "all"}), video, mask)
    missing = next((each for each in planner.stages if each.action != "reuse" and each.stage != encode.name), None)
    if missing:
        raise InputError(
            f"{name} is not filled with these parameters yet ({missing.stage}: {missing.why}); run dfvi inpaint with "
            "the same options first"
        )
    return results


def _is_undecided(read: Input | None) -> TypeGuard[StageResult | Shot | GrownClip | PaintedShot | FilledShots]:
    return isinstance(read, StageResult | Shot | GrownClip | PaintedShot | FilledShots) and read.undecided
