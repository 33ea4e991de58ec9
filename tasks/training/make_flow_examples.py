"""Training examples for ChoiceNet: hypotheses about the flow in test holes, and the true flow. Stores in, store out."""

from pydantic import Field

from dfvi_models.flow_completion.temporal import TemporalCompleter
from dfvi_models.training.choice import ITEM_CHANNELS, make_examples
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage


class FlowExamplesParams(StageParams):
    """Parameters of the temporal completion that the network is to improve on."""

    dilation: int = Field(10, ge=0, le=200)
    """Pixels by which holes grow before the flow in them is discarded."""
    rounds: int = Field(2, ge=0, le=10)
    """How often motion is carried."""
    strength: float = Field(1.5, ge=0, le=100)
    """Weight of carried motion against smoothness."""


@stage(version=1)
def flow_examples(
    out: StageStore,
    *,
    flow: StageStore,
    true_flow: StageStore,
    clip: StageStore,
    params: FlowExamplesParams,
    job: Job,
) -> None:
    """Write two examples for each pair of frames: item 2 t for the flow t -> t+1, item 2 t + 1 for the way back."""
    pairs, height, width, _ = flow["flow_fw"].shape
    missing = out.create(items=array_layout.values(2 * pairs, ITEM_CHANNELS, height, width, dtype="float16"))
    completer = TemporalCompleter(params.dilation, params.rounds, params.strength)
    flows, truth = (flow["flow_fw"], flow["flow_bw"]), (true_flow["flow_fw"], true_flow["flow_bw"])
    wanted = sorted({item // 2 for item in missing})
    for t, items in make_examples(completer, flows, truth, clip["holes"], wanted=wanted, threads=job.threads):
        for way, item in enumerate(items):
            out.write(2 * t + way, items=item)
