"""The table of contents of the pipeline: which stage reads which. It is walked to run a video, and to plan a run.

A plan meets results that are not there yet. Where the way on depends on one of them, the walk goes the shortest way
that may be needed, and the stages on it get an undecided result to read; see `StageResult.undecided`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from flows.configs.run_config import Draft, RunConfig
from tasks.complete_flow import complete_flow
from tasks.cut_region import CutRegionParams, cut_region
from tasks.decode import MediaInput, decode
from tasks.deflicker import deflicker
from tasks.encode import encode
from tasks.estimate_flow import ImportedFlow, estimate_flow
from tasks.fill_key_frames import FillKeyFramesParams, fill_key_frames
from tasks.find_shots import find_shots
from tasks.grow_holes import grow_holes
from tasks.keep_filled import KeepFilledParams, keep_filled
from tasks.merge import merge
from tasks.propagate import propagate
from tasks.register_frames import register_frames
from tasks.shots.composed_clip import ComposedClip
from tasks.shots.filled_shots import FilledShot, FilledShots
from tasks.shots.grown_clip import GrownClip
from tasks.shots.plates import PaintedShot, lay_plates
from tasks.shots.shot import Shot, shots_with_holes
from tasks.stage.cached_stage import Input, Stage, StageParams, StageResult


class StageRunner(Protocol):
    """Does something with one stage and answers with its result: runs it, or looks it up."""

    def __call__(self, stage: Stage, params: StageParams, iteration: int = 0, **inputs: Input | None) -> StageResult:
        """Run the stage, or look it up."""
        ...


@dataclass(frozen=True)
class FilledResult:
    """A clip without hole: the last merge or registration, and the key frames filled since; or both deflickered."""

    merged: StageResult | ComposedClip
    fill: StageResult | None = None
    grown: StageResult | None = None
    """Its holes as they have grown; None where they did not."""

    @property
    def stored(self) -> StageResult:
        """Of the merge what is stored: the pixels that were hidden."""
        return self.merged.filled if isinstance(self.merged, ComposedClip) else self.merged


@dataclass(frozen=True)
class ClipResults:
    """What came of one video."""

    clip: StageResult
    filled: FilledShots
    encoded: StageResult


HoledClip = StageResult | Shot | GrownClip
"""Frames with holes: what a stage made, one of its shots, or either of them with grown holes."""
VisibleClip = HoledClip | PaintedShot | ComposedClip
"""The same with plates, or with what was filled laid over it."""
FillShot = Callable[[StageRunner, Shot], FilledShot]
EachShot = Callable[[FillShot, Sequence[Shot]], Sequence[FilledShot]]


def inpaint_clip(
    step: StageRunner, config: RunConfig, video: MediaInput, mask: MediaInput, each_shot: EachShot | None = None
) -> ClipResults:
    """Take one video through all stages: the whole of it is decoded, each of its shots filled by itself.

    each_shot : fills every shot with the function it is given; None: with `step`, one after the other.
    """
    clip = step(decode, config.decode, video=video, mask=mask)
    shots = _shots(step, config, clip)

    def fill(step: StageRunner, shot: Shot) -> FilledShot:
        known = _cut(step, config, shot)
        painted = lay_plates(shot, known, config.plates, int(clip.attributes.get("start", 0)))
        filled = fill_clip(step, _inside(config, shot, clip), known, painted)
        kept = _keep_filled(step, known, filled) if config.keep == "result" else None
        return FilledShot(shot.first, filled.stored, filled.fill, filled.grown, shot.box, kept)

    filled = FilledShots(tuple(each_shot(fill, shots) if each_shot else (fill(step, shot) for shot in shots)))
    encoded = step(encode, config.encode, clip=clip, filled=filled, video=video)
    return ClipResults(clip, filled, encoded)


def _cut(step: StageRunner, config: RunConfig, shot: Shot) -> StageResult | Shot:
    """Return what the stages that fill a shot read: a region is cut out, and so are whole frames if decode has none."""
    if shot.box:
        return step(cut_region, CutRegionParams(), clip=shot)
    return replace(shot, cut=step(cut_region, CutRegionParams(), clip=shot)) if config.keep == "result" else shot


def _keep_filled(step: StageRunner, known: StageResult | Shot, filled: FilledResult) -> StageResult:
    """Keep the pixels of the holes alone, so that all else of the shot can be dropped."""
    clip = GrownClip(known, filled.grown) if filled.grown else known
    return step(keep_filled, KeepFilledParams(), clip=clip, merged=filled.stored, fill=filled.fill)


def _shots(step: StageRunner, config: RunConfig, clip: StageResult) -> list[Shot]:
    """Return the shots to fill; flow that is given is that of the whole clip, which then is one shot."""
    if isinstance(config.estimate_flow.estimator, ImportedFlow):
        return [Shot(clip, 0, int(clip.attributes.get("frames", 0)), clip.digest, clip.attributes, clip.why)]
    return shots_with_holes(clip, step(find_shots, config.find_shots, clip=clip))


def _inside(config: RunConfig, shot: Shot, clip: StageResult) -> RunConfig:
    """Return the configuration for a region: holes grow as far as they would in the whole frame, and not at all where
    they stand still."""
    if shot.box is None or config.grow_holes.reach == 0:
        return config
    y0, x0, y1, x1 = shot.box
    size = clip.attributes["clip"]
    larger = min(size["height"], size["width"]) / min(y1 - y0, x1 - x0)
    reach = 0.0 if shot.is_still else min(config.grow_holes.reach * larger, 1.0)
    return config.model_copy(update={"grow_holes": config.grow_holes.model_copy(update={"reach": reach})})


def fill_clip(
    step: StageRunner,
    config: RunConfig,
    clip: StageResult | Shot,
    painted: HoledClip | PaintedShot | None = None,
) -> FilledResult:
    """Fill the hole of a clip, whatever stage made it, or of one of its shots. Iterations below 0 are the drafts.

    painted : the same shot with plates laid over it; flow, which no plate changes, is that of the shot without them.
    """
    if config.grow_holes.reach == 0:
        return _fill_hole(step, config, clip, painted or clip)
    grown = step(grow_holes, config.grow_holes, clip=clip)
    whole = GrownClip(clip, grown)
    known = replace(painted, bare=whole) if isinstance(painted, PaintedShot) else whole
    return replace(_fill_hole(step, config, whole, known), grown=grown)


def _fill_hole(step: StageRunner, config: RunConfig, clip: HoledClip, known: HoledClip | PaintedShot) -> FilledResult:
    """Fill what is not `known`, along flow that is found on `clip`."""
    visible_clip: VisibleClip = clip
    if isinstance(config.estimate_flow.estimator, ImportedFlow):  # it was brought in for the clip, not for grown holes
        visible_clip = clip.clip if isinstance(clip, GrownClip) else clip
    else:
        for number, draft in enumerate(config.drafts, -len(config.drafts)):
            visible_clip = fill_roughly(step, draft, number, clip, visible_clip)
    flow = _find_flow(step, config, 0, clip, visible_clip)
    filled = _propagate_until_full(step, config, known, flow)
    if config.deflicker.strength == 0:
        return filled
    smooth = step(deflicker, config.deflicker, clip=known, merged=filled.merged, fill=filled.fill, flow=flow)
    return FilledResult(ComposedClip(known, smooth))


def _propagate_until_full(
    step: StageRunner, config: RunConfig, clip: HoledClip | PaintedShot, flow: StageResult
) -> FilledResult:
    """Carry colours along the flow, once take better ones from distant frames, invent key frames, carry on from these,
    until no hole is left."""
    base: VisibleClip = clip
    fill, iteration = None, 0
    while True:
        carried = step(propagate, config.propagate, iteration, clip=base, flow=flow, fill=fill)
        merged = ComposedClip(clip, step(merge, config.merge, iteration, carried=carried, clip=base, fill=fill))
        if iteration == 0 and config.register_frames.distances:
            better = step(register_frames, config.register_frames, clip=clip, carried=carried, merged=merged)
            merged = ComposedClip(clip, better)
        if _is_full(merged):
            return FilledResult(merged)
        left = replace(merged, filled=_or_undecided(merged.filled))
        fill = step(fill_key_frames, _fill_params(config, iteration), iteration, merged=left)
        if _is_full(fill) is not False:
            return FilledResult(merged, _or_undecided(fill))
        base, iteration = merged, iteration + 1


def fill_roughly(
    step: StageRunner, draft: Draft, number: int, clip: HoledClip, visible_clip: VisibleClip
) -> ComposedClip:
    """Propagate once into the hole of `clip`, along flow estimated on `visible_clip`."""
    flow = _find_flow(step, draft, number, clip, visible_clip)
    carried = step(propagate, draft.propagate, number, clip=clip, flow=flow)
    return ComposedClip(clip, step(merge, draft.merge, number, carried=carried, clip=clip))


def _find_flow(
    step: StageRunner,
    config: RunConfig | Draft,
    iteration: int,
    clip: HoledClip,
    visible_clip: VisibleClip,
) -> StageResult:
    """Estimate flow on `visible_clip`, and complete it in the hole of `clip`."""
    estimated = step(estimate_flow, config.estimate_flow, iteration, clip=visible_clip)
    return step(complete_flow, config.complete_flow, iteration, flow=estimated, clip=clip)


def _fill_params(config: RunConfig, iteration: int) -> FillKeyFramesParams:
    """Fill key frames only, which propagation carries on; every frame in the last iteration allowed."""
    if iteration + 1 < config.max_iterations:
        return config.fill_key_frames
    return config.fill_key_frames.model_copy(update={"frames": "all"})


def _is_full(result: StageResult | ComposedClip) -> bool | None:
    """Return whether no frame has a hole any more; None in a plan, before the result is there."""
    left = result.attributes.get("unfinished_frames")
    return None if left is None else not left


def _or_undecided(result: StageResult) -> StageResult:
    """Return the result, or in a plan, where it is not known yet whether the next stage is needed, an undecided one."""
    if _is_full(result) is not None or result.undecided:
        return result
    after = f"follows {result.stage} #{result.iteration}, which decides whether it is needed and how often"
    return replace(result, digest="", why=after)
