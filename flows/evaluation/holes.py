"""The holes an evaluation makes in a clip, by their kind."""

from pathlib import Path
from typing import cast

from flows.evaluation.model import MASKED, EvaluateConfig, Kind
from flows.pipeline.stage_order import StageRunner
from storage.datasets.clean_clips import CleanClip, clip_seed, pictures_beside
from storage.errors import InputError
from tasks.decode import MediaInput
from tasks.evaluation.cut_holes import CutHolesParams, HoleKind, cut_holes
from tasks.evaluation.lay_objects import LayObjectsParams, lay_objects
from tasks.stage.cached_stage import StageResult


def make_holes(
    step: StageRunner, kind: Kind, clip: CleanClip, config: EvaluateConfig, truth: StageResult, masks: Path | None
) -> StageResult:
    """Make the clip with holes of one kind.

    masks  : folder of the masks of another clip's objects; needed for the kinds MASKED.
    Raises : InputError where they are missing.
    """
    if kind in MASKED and masks is None:
        raise InputError(f"{kind} holes need the object masks of another clip; none was given")
    marks = MediaInput.mask(str(masks)) if kind in MASKED else None
    if kind not in ("composite", "overlay"):
        return step(cut_holes, _cut_params(cast(HoleKind, kind), clip, config), truth=truth, masks=marks)
    pictures = MediaInput.video(str(pictures_beside(cast(Path, masks))))
    return step(lay_objects, _overlay_params(kind, clip, config), truth=truth, objects=pictures, masks=marks)


def _cut_params(kind: HoleKind, clip: CleanClip, config: EvaluateConfig) -> CutHolesParams:
    """Only what this kind of hole depends on, so that nothing else makes it anew."""
    if kind == "shape":
        return CutHolesParams(kind=kind, seed=clip_seed(clip.name, config.seed))
    return CutHolesParams(kind=kind, dilation=config.dilation) if kind == "object" else CutHolesParams(kind=kind)


def _overlay_params(kind: Kind, clip: CleanClip, config: EvaluateConfig) -> LayObjectsParams:
    if kind == "overlay":
        return LayObjectsParams(shadows=False, dilation=config.dilation)
    return LayObjectsParams(seed=clip_seed(clip.name, config.seed), dilation=config.dilation)
