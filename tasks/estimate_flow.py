"""Optical flow between neighbouring frames, both ways. Store in, store out."""

from typing import Literal

from pydantic import Field

from dfvi_models.dis_flow import DisEstimator
from storage import array_layout
from storage.errors import InputError
from storage.stage_store import StageStore
from tasks.filled_clip import FilledClip
from tasks.stage import Job, StageParams, stage


class EstimateFlowParams(StageParams):
    """How optical flow is estimated."""

    estimator: Literal["dis", "imported"] = "dis"
    """dis: dense inverse search (OpenCV), needs no weights; imported: files given to `dfvi store import-flow`."""
    imported: str | None = None
    """Digest that `dfvi store import-flow` printed."""
    preset: Literal["ultrafast", "fast", "medium"] = "fast"
    """Speed preset of dis."""
    finest_scale: int | None = Field(1, ge=0, le=10)
    """Finest pyramid level of dis: 0 = full size; each step halves the size. None keeps the preset's own."""


@stage(version=1)
def estimate_flow(
    out: StageStore, *, clip: StageStore, fill: StageStore | None = None, params: EstimateFlowParams, job: Job
) -> None:
    """Estimate the flow t -> t+1 and t+1 -> t of every neighbouring pair of frames."""
    if params.estimator == "imported":
        raise InputError(f"flow {params.imported} is not in this root; bring it in with: dfvi store import-flow")
    seen = FilledClip(clip, fill)
    pairs = array_layout.flow(seen.count - 1, seen.height, seen.width)
    wanted = out.create(flow_fw=pairs, flow_bw=pairs)
    estimator = DisEstimator(preset=params.preset, finest_scale=params.finest_scale)
    for t, flow in estimator.estimate(seen.frames, seen.holes, wanted=wanted, threads=job.threads):
        out.write(t, flow_fw=flow.fw, flow_bw=flow.bw)
