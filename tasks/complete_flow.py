"""Flow completion: gives the hole the flow its background would have. Store in, store out."""

from typing import Literal

from pydantic import Field

from dfvi_models.smooth_completion import SmoothCompleter
from storage import array_layout
from storage.stage_store import StageStore
from tasks.stage import Job, StageParams, stage


class CompleteFlowParams(StageParams):
    """How the flow inside holes is completed."""

    completer: Literal["smooth"] = "smooth"
    """smooth: the smoothest flow that fits the hole's rim (Laplace), needs no weights."""
    dilation: int = Field(10, ge=0, le=200)
    """Pixels by which holes grow before the flow in them is discarded: flow beside a hole shows the removed thing."""


@stage(version=1)
def complete_flow(out: StageStore, *, flow: StageStore, clip: StageStore, params: CompleteFlowParams, job: Job) -> None:
    """Complete every flow map inside the hole of the frame on whose grid it lies."""
    flow_fw, flow_bw = flow["flow_fw"], flow["flow_bw"]
    layout = array_layout.flow(*flow_fw.shape[:3])
    wanted = out.create(flow_fw=layout, flow_bw=layout)
    completer = SmoothCompleter(dilation=params.dilation)
    for t, pair in completer.complete(flow_fw, flow_bw, clip["holes"], wanted=wanted, threads=job.threads):
        out.write(t, flow_fw=pair.fw, flow_bw=pair.bw)
