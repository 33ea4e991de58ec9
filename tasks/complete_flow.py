"""Flow completion: gives the hole the flow its background would have. Store in, store out."""

from typing import Any, Literal

from pydantic import Field

from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.method_loading import build, weights_of
from tasks.stage.write_behind import write_behind


class CompleteFlowParams(StageParams):
    """How the flow inside holes is completed."""

    completer: Literal["temporal", "learned", "smooth", "dfc", "dfc_compact", "dfc_resnet101"] = "temporal"
    """smooth: the smoothest flow that fits the hole's rim (Laplace); temporal: that, corrected by motion seen there
    earlier and later, as far as it proves right beside the hole. These two need no weights. learned:
    temporal, corrected by a small network. dfc: the paper's DFC-Net in three stages; dfc_compact: the
    same, smaller; dfc_resnet101: its single stage for object removal."""
    dilation: int = Field(10, ge=0, le=200)
    """Pixels by which holes grow before the flow in them is discarded: flow beside a hole shows the removed thing."""
    rounds: int = Field(2, ge=0, le=10)
    """temporal, learned: how often motion is carried, each time along the flow of the round before."""
    strength: float = Field(1.5, ge=0, le=100)
    """temporal, learned: weight of carried motion against smoothness."""
    faithful: bool = False
    """dfc: repeat the reference code's choices that harm, for exactly its numbers with the published weights."""
    sizes: tuple[tuple[int, int], ...] | None = None
    """dfc: height and width of the grid of each stage; null takes the paper's, 240x424, 320x600 and 480x840, or for
    dfc_compact those of its recipe, 60x108, 80x144 and 120x216."""
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    """Numbers networks compute with; tf32 matters on CUDA only. With made-up weights float16 moves the flow of a stage
    by 0.004 px on average, bfloat16 by 0.035; of dfc_resnet101 by 0.012 and 0.08."""


@stage(version=2, weights=weights_of("completer", "completer"))
def complete_flow(out: StageStore, *, flow: StageStore, clip: StageStore, params: CompleteFlowParams, job: Job) -> None:
    """Complete every flow map inside the hole of the frame on whose grid it lies."""
    flow_fw, flow_bw = flow["flow_fw"], flow["flow_bw"]
    layout = array_layout.flow(*flow_fw.shape[:3])
    wanted = out.create(flow_fw=layout, flow_bw=layout)
    if not wanted:
        return
    completer = build("completer", params.completer, job, **_options(params))
    with write_behind(out) as write:
        for t, pair in completer.complete(flow_fw, flow_bw, clip["holes"], wanted=wanted, threads=job.threads):
            write(t, flow_fw=pair.fw, flow_bw=pair.bw)


def _options(params: CompleteFlowParams) -> dict[str, Any]:
    if params.completer == "smooth":
        return {"dilation": params.dilation}
    if params.completer in ("temporal", "learned"):
        options = {"dilation": params.dilation, "rounds": params.rounds, "strength": params.strength}
        return options if params.completer == "temporal" else options | {"precision": params.precision}
    kernel = 2 * params.dilation + 1 if params.dilation else 0
    return {"enlarge_kernel": kernel, "faithful": params.faithful, "sizes": params.sizes, "precision": params.precision}
