"""Optical flow between neighbouring frames, both ways. Store in, store out."""

import math
from typing import Any, Literal

from pydantic import Field

from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import FilledClip
from tasks.stage.method_loading import build, weights_of
from tasks.stage.write_behind import write_behind

Size = tuple[int, int]


class EstimateFlowParams(StageParams):
    """How optical flow is estimated."""

    estimator: Literal["dis", "flownet2", "raft", "raft_small", "imported"] = "dis"
    """dis: dense inverse search (OpenCV), needs no weights; flownet2: the paper's; raft: torchvision's; imported: files
    given to `dfvi store import-flow`."""
    preset: Literal["ultrafast", "fast", "medium"] = "fast"
    """Speed preset of dis."""
    finest_scale: int | None = Field(0, ge=0, le=10)
    """Finest pyramid level of dis: 0 = the grid itself; each step halves it. null keeps the preset's own."""
    scale: float = Field(1.0, gt=0, le=1)
    """Size of the grid on which flow is estimated and kept, as a share of the frames'."""
    most_pixels: int | None = Field(2**19, ge=1)
    """Pixels of that grid at most; larger frames get a smaller share, so that flow of a large video takes no more time
    and memory than at 480p. null: as many as the share makes."""
    working_size: Size | None = None
    """Height and width of that grid in pixels, instead of all this."""
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    """Numbers networks compute with; tf32 matters on CUDA only. With made-up weights float16 moves the flow of flownet2
    by 0.004 px on average, bfloat16 by 0.024."""
    imported: str | None = None
    """Digest that `dfvi store import-flow` printed."""


def _weights(params: EstimateFlowParams) -> dict[str, str]:
    return {} if params.estimator == "imported" else weights_of("estimator", "estimator")(params)


@stage(version=1, weights=_weights)
def estimate_flow(out: StageStore, *, clip: StageStore, params: EstimateFlowParams, job: Job) -> None:
    """Estimate the flow t -> t+1 and t+1 -> t of every neighbouring pair of frames."""
    if params.estimator == "imported":
        raise InputError(f"flow {params.imported} is not in this root; bring it in with: dfvi store import-flow")
    seen = FilledClip(clip)
    size = grid(params, seen.height, seen.width)
    layout = array_layout.flow(seen.count - 1, *size)
    wanted = out.create(flow_fw=layout, flow_bw=layout)
    estimator = build("estimator", params.estimator, job, working_size=size, **_options(params))
    with write_behind(out) as write:
        for t, flow in estimator.estimate(seen.frames, seen.holes, wanted=wanted, threads=job.threads):
            write(t, flow_fw=flow.fw, flow_bw=flow.bw)


def grid(params: EstimateFlowParams, height: int, width: int) -> Size:
    """Height and width of the grid on which flow of frames of a size is estimated."""
    if params.working_size:
        return params.working_size
    pixels = height * width
    scale = min(params.scale, math.sqrt((params.most_pixels or pixels) / pixels))
    return max(round(scale * height), 1), max(round(scale * width), 1)


def _options(params: EstimateFlowParams) -> dict[str, Any]:
    if params.estimator == "dis":
        return {"preset": params.preset, "finest_scale": params.finest_scale}
    return {"precision": params.precision}
