"""What a run would do: for each stage reuse, resume or compute, and why. Nothing is computed and nothing is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from flows.configs.run_config import RunConfig
from flows.pipeline.stage_order import ClipResults, inpaint_clip
from storage.backends.root_url import Location
from storage.cache.housekeeping import finished_keys, nearest
from storage.cache.root import Root
from storage.cache.run_records import Keep
from storage.cache.stage_key import StageKey
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.encode import encode
from tasks.shots.composed_clip import ComposedClip
from tasks.shots.filled_shots import FilledShots
from tasks.shots.grown_clip import GrownClip
from tasks.shots.plates import PaintedShot
from tasks.shots.shot import Shot
from tasks.stage.cached_stage import Action, Input, Stage, StageParams, StageResult, is_finished, shot_of
from tasks.stage.recipe import was_dropped

STORED = "stored"
DROPPED = "known; its content was dropped"
MADE_AGAIN = "dropped before, and "
READ_AGAIN = "known; frames are decoded again as they are read"


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
    keep: Keep = "tune"
    explains: bool = True
    """Whether to look for what changed since a result was computed; it reads all results of the stage."""
    stages: list[PlannedStage] = field(default_factory=list)
    _dropped: dict[str, tuple[int, Stage, list[Input]]] = field(default_factory=dict)
    """Digest of a result whose arrays were dropped -> its place in `stages`, its stage, and what that reads."""
    _finished: dict[str, list[StageKey]] = field(default_factory=dict)
    """Stage -> the keys of all its results."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Note down what a run would do with this stage."""
        shot = shot_of(inputs)
        if undecided := next((read for read in inputs.values() if _is_undecided(read)), None):
            self.stages.append(PlannedStage(self.video, stage.name, iteration, "compute", undecided.why, None, shot))
            return StageResult(self.video, stage.name, "", iteration, "compute", undecided.why, shot=shot)
        key = stage.key(params, {role: given for role, given in inputs.items() if given is not None})
        action, why, attributes = self._look_up(key)
        self.stages.append(PlannedStage(self.video, stage.name, iteration, action, why, key.digest, shot))
        read = [each for each in inputs.values() if each is not None]
        if action == "reuse" and why != STORED:
            self._dropped[key.digest] = len(self.stages) - 1, stage, read
        elif action != "reuse":
            self._need(read, stage.name)
        return StageResult(self.video, stage.name, key.digest, iteration, action, why, 0.0, attributes, shot)

    def _look_up(self, key: StageKey) -> tuple[Action, str, dict[str, object]]:
        if self.root is None:
            return "compute", "there is no root yet", {}
        store = self.root.store(self.video, key)
        if is_finished(store, self.keep):
            return "reuse", STORED if store.state == "complete" else DROPPED, dict(store.attributes)
        if store.state == "dropped":
            return "compute", f"{MADE_AGAIN}keep: all brings it back", dict(store.attributes)
        if store.state == "partial":
            return "resume", "begun but not finished", {}
        stored = nearest(key, self._finished_keys(self.root, key.stage)) if self.explains else None
        if stored is None:
            return "compute", "never computed", {}
        return "compute", ", ".join(key.differences(stored)), {}

    def _finished_keys(self, root: Root, stage: str) -> list[StageKey]:
        if stage not in self._finished:
            self._finished[stage] = finished_keys(root, self.video, stage)
        return self._finished[stage]

    def _need(self, read: Iterable[Input], reader: str) -> None:
        """Note of results whose arrays were dropped that they are made again, because a stage reads them."""
        for result in results_read(read):
            if result.digest not in self._dropped:
                continue
            place, stage, made_of = self._dropped.pop(result.digest)
            if self.keep == "result" and stage.reader is not None:
                self.stages[place] = replace(self.stages[place], why=READ_AGAIN)
            else:
                why = f"{MADE_AGAIN}{reader} needs it"
                self.stages[place] = replace(self.stages[place], action="compute", why=why)
                self._need(made_of, stage.name)


def results_read(inputs: Iterable[Input]) -> Iterator[StageResult]:
    """Find the stage results that a stage reads."""
    for read in inputs:
        if isinstance(read, StageResult):
            yield read
        elif isinstance(read, Shot):
            yield read.cut or read.clip
        elif isinstance(read, GrownClip):
            yield from results_read([read.clip, read.grown])
        elif isinstance(read, PaintedShot):
            yield from results_read([read.bare])
        elif isinstance(read, ComposedClip):
            yield from results_read([read.clip, read.filled])
        elif isinstance(read, FilledShots):
            yield from read.results_read()


def plan_video(root: Location, name: str, config: RunConfig, video: MediaInput, mask: MediaInput) -> list[PlannedStage]:
    """Find what a run of one video would do, stage by stage, without computing or writing anything.

    root  : root of the stored results; need not exist.
    name  : name of the video below the root.
    Raises: InputError if `root` is not ours; WeightsError if a weight file is missing.
    """
    planner = Planner(Root.find(root), name, config.keep)
    inpaint_clip(planner, config, video, mask)
    return planner.stages


def is_encoded(root: Location, name: str, config: RunConfig, video: MediaInput, mask: MediaInput) -> bool:
    """Return whether a run of one video has nothing left to do; raises like `plan_video`."""
    planner = Planner(Root.find(root), name, config.keep, explains=False)
    inpaint_clip(planner, config, video, mask)
    return planner.stages[-1].action == "reuse"


def find_filled(root: Location, name: str, config: RunConfig, video: MediaInput, mask: MediaInput) -> ClipResults:
    """Return the results of a video that was filled with these parameters; whether it was encoded does not matter.

    Raises : InputError if it was not, or not to the end, or if its frames were dropped; otherwise like `plan_video`.
    """
    planner = Planner(Root.find(root), name)
    results = inpaint_clip(planner, config.model_copy(update={"keep": "tune"}), video, mask)
    todo = (each for each in planner.stages if each.action != "reuse" and each.stage != encode.name)
    if missing := next((each for each in todo if not each.why.startswith(MADE_AGAIN)), None):
        raise InputError(
            f"{name} is not filled with these parameters yet ({missing.stage}: {missing.why}); run dfvi inpaint with "
            "the same options first"
        )
    if dropped := next((each for each in results_read([results.clip, results.filled]) if each.why == DROPPED), None):
        raise was_dropped(name, dropped.stage)
    return results


MAYBE_UNDECIDED = StageResult | Shot | GrownClip | PaintedShot | ComposedClip | FilledShots


def _is_undecided(read: Input | None) -> TypeGuard[MAYBE_UNDECIDED]:
    return isinstance(read, MAYBE_UNDECIDED) and read.undecided
