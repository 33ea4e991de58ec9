"""Flow completion: gives the hole the flow its background would have. Store in, store out."""

from pydantic import Field, SerializeAsAny

from dfvi_models.flow_completion.methods import Temporal
from dfvi_models.methods import CompleterMethod
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, stage
from tasks.stage.method_params import MethodParams
from tasks.stage.write_behind import write_behind


class CompleteFlowParams(MethodParams):
    """How the flow inside holes is completed."""

    kind = "completer"

    completer: SerializeAsAny[CompleterMethod] = Temporal()
    """What completes flow."""
    dilation: int = Field(10, ge=0, le=200)
    """Pixels by which holes grow before the flow in them is discarded: flow beside a hole shows the removed thing."""


@stage(version=2)
def complete_flow(out: StageStore, *, flow: StageStore, clip: StageStore, params: CompleteFlowParams, job: Job) -> None:
    """Complete every flow map inside the hole of the frame on whose grid it lies."""
    flow_fw, flow_bw = flow["flow_fw"], flow["flow_bw"]
    layout = array_layout.flow(*flow_fw.shape[:3])
    wanted = out.create(flow_fw=layout, flow_bw=layout)
    if not wanted:
        return
    completer = params.completer.build(params.resources(job, out.key, out.remember), dilation=params.dilation)
    with write_behind(out) as write:
        for t, pair in completer.complete(flow_fw, flow_bw, clip["holes"], wanted=wanted, threads=job.threads):
            write(t, flow_fw=pair.fw, flow_bw=pair.bw)
