"""The request and the result of an evaluation, and the check of the request before it starts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from flows.evaluation.methods import Method
from flows.pipeline.preflight import require_weights, stages_of
from storage.datasets.clean_clips import CleanClip, choose_clips, find_clips, shuffled_masks
from storage.media.reading import probe
from tasks.estimate_flow import EstimateFlowParams
from tasks.evaluation.cut_holes import HoleKind
from tasks.evaluation.read_truth import ReadTruthParams, truth_size
from tasks.evaluation.score_perceptually import DescribeVideoParams, LpipsParams, describe_video, lpips
from tasks.stage.cached_stage import Stage, StageParams

Perceptual = Literal["lpips", "vfid"]
Kind = HoleKind | Literal["composite", "overlay"]
HOLE_KINDS: tuple[Kind, ...] = ("box", "shape", "object", "composite", "overlay")
"""Kinds of holes. The last two are objects of another clip laid over this one, with shadows or without."""
MASKED = {"object", "composite", "overlay"}
"""Kinds of holes that need another clip's object masks."""
MEAN = "mean"
"""What stands for all clips, or all kinds of holes."""
PERCEPTUAL_STAGES: dict[Perceptual, tuple[Stage, StageParams]] = {
    "lpips": (lpips, LpipsParams()),
    "vfid": (describe_video, DescribeVideoParams()),
}


class EvaluateConfig(BaseModel):
    """What decides the scores besides the methods. Holes never come from the mask of the same clip."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    frames: int | None = Field(None, ge=1)
    """Frames taken from the start of each clip; null takes all."""
    size: tuple[int, int] | None = None
    """Height and width all clips are brought to; null leaves each as it is."""
    holes: tuple[Kind, ...] = ("box", "shape", "object")
    """Kinds of holes."""
    seed: int = Field(0, ge=0)
    """Decides the shapes, and which clip's objects are cut out of which."""
    dilation: int = Field(4, ge=0, le=100)
    """How often object masks are grown by their 4 neighbours to be a hole."""
    perceptual: tuple[Perceptual, ...] = ()
    """Scores that need published weights: lpips of frames, vfid of sets of clips."""
    true_flow: EstimateFlowParams = EstimateFlowParams.of(preset="medium", finest_scale=0, most_pixels=None)
    """What estimates the flow of the clip without holes, which stands for the truth."""


class Case(BaseModel):
    """Scores of one method on one clip with one kind of hole."""

    model_config = ConfigDict(serialize_by_alias=True)

    clip: str
    hole: str
    method: str = Field(serialization_alias="row", validation_alias=AliasChoices("method", "row"))
    """Name of the method."""
    frames: int
    height: int
    width: int
    hole_share: float
    """Hole pixels of all pixels."""
    seconds_per_frame: float
    """Of the stages that filled the hole, when they were computed; stages shared with other methods count in each."""
    scores: dict[str, float | None]
    """Means over frames; see `metric_code`."""
    per_frame: list[dict[str, Any]]
    features: tuple[list[float], list[float]] | None = Field(None, exclude=True)
    """What I3D sees in the filled clip and in the true one."""


class Evaluation(BaseModel):
    """The scores of an evaluation, and what it takes to repeat it."""

    model_config = ConfigDict(serialize_by_alias=True)

    config: EvaluateConfig
    methods: list[Method] = Field(serialization_alias="rows", validation_alias=AliasChoices("methods", "rows"))
    threads: int
    metric_code: str
    cases: list[Case]
    vfid: dict[str, dict[str, float | None]] = {}
    """Kind of hole, or `mean` for all -> method -> VFID; None for a single clip."""

    @property
    def clips(self) -> list[str]:
        """Names of the clips, in the order they were scored."""
        return list(dict.fromkeys(case.clip for case in self.cases))


def check_evaluation(
    folder: Path, methods: Sequence[Method], config: EvaluateConfig, names: Sequence[str] = ()
) -> list[tuple[CleanClip, Path | None]]:
    """Return the clips to score, each with the object masks that are cut out of it.

    names  : of the clips taken; none takes all. Whose masks go where depends on the folder alone.
    Raises : InputError if the folder holds no such clips, one cannot be read or would be turned, or object holes find
             no masks; WeightsError if a method or score asks for weights that are not stored.
    """
    asked = [pair for method in methods if method.config for pair in stages_of(method.config) if method.runs(pair[0])]
    require_weights([*asked, *(PERCEPTUAL_STAGES[name] for name in config.perceptual)])
    there = find_clips(folder)
    masks = shuffled_masks(there, config.seed) if MASKED.intersection(config.holes) else {}
    chosen = choose_clips(there, names)
    for clip in chosen:
        truth_size(probe(clip.video), ReadTruthParams(frames=config.frames, size=config.size))
    return [(clip, masks.get(clip.name)) for clip in chosen]
