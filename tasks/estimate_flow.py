"""Optical flow between neighbouring frames, both ways. Store in, store out."""

import math

from pydantic import Field, SerializeAsAny

from dfvi_models.flow_estimation.methods import Dis
from dfvi_models.methods import EstimatorMethod, Resources
from dfvi_models.protocols import FlowEstimator
from dfvi_models.registry import register
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, stage
from tasks.stage.method_params import MethodParams
from tasks.stage.write_behind import write_behind

Size = tuple[int, int]


class EstimateFlowParams(MethodParams):
    """How optical flow is estimated."""

    kind = "estimator"

    estimator: SerializeAsAny[EstimatorMethod] = Dis()
    """What estimates flow."""
    scale: float = Field(1.0, gt=0, le=1)
    """Size of the grid on which flow is estimated and kept, as a share of the frames'."""
    most_pixels: int | None = Field(2**19, ge=1)
    """Pixels of that grid at most; larger frames get a smaller share, so that flow of a large video takes no more time
    and memory than at 480p. null: as many as the share makes."""
    working_size: Size | None = None
    """Height and width of that grid in pixels, instead of all this."""

    @property
    def is_repeatable(self) -> bool:
        """Whether it is no flow that was brought in: nobody could make that again."""
        return not isinstance(self.estimator, ImportedFlow)


@register
class ImportedFlow(EstimatorMethod):
    """Flow files given to `dfvi store import-flow`."""

    name = "imported"
    ignores = frozenset({"scale", "most_pixels", "working_size"})

    imported: str
    """Digest that `dfvi store import-flow` printed."""

    def build(self, resources: Resources, *, working_size: Size) -> FlowEstimator:  # noqa: ARG002
        """Raise InputError: imported flow is found in the root, never computed."""
        raise InputError(f"flow {self.imported} is not in this root; bring it in with: dfvi store import-flow")


@stage(version=1)
def estimate_flow(out: StageStore, *, clip: StageStore, params: EstimateFlowParams, job: Job) -> None:
    """Estimate the flow t -> t+1 and t+1 -> t of every neighbouring pair of frames."""
    visible_clip = FilledClip(clip)
    size = grid(params, visible_clip.height, visible_clip.width)
    estimator = params.estimator.build(params.resources(job, out.key, out.remember), working_size=size)
    layout = array_layout.flow(visible_clip.count - 1, *size)
    wanted = out.create(flow_fw=layout, flow_bw=layout)
    with write_behind(out) as write:
        for t, flow in estimator.estimate(visible_clip.frames, visible_clip.holes, wanted=wanted, threads=job.threads):
            write(t, flow_fw=flow.fw, flow_bw=flow.bw)


def grid(params: EstimateFlowParams, height: int, width: int) -> Size:
    """Return height and width of the grid on which flow is estimated for frames of this size, pixels."""
    if params.working_size:
        return params.working_size
    pixels = height * width
    scale = min(params.scale, math.sqrt((params.most_pixels or pixels) / pixels))
    return max(round(scale * height), 1), max(round(scale * width), 1)
