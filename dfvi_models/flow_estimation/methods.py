"""The flow estimators there are: their parameters, and the networks they need."""

from typing import Literal

from pydantic import Field

from dfvi_models.methods import EstimatorMethod, NetworkMethod, Resources
from dfvi_models.protocols import FlowEstimator
from dfvi_models.types import Precision


class Dis(EstimatorMethod):
    """Dense inverse search (OpenCV); needs no weights."""

    name = "dis"

    preset: Literal["ultrafast", "fast", "medium"] = "fast"
    """OpenCV's speed preset."""
    finest_scale: int | None = Field(0, ge=0, le=10)
    """Finest pyramid level: 0 = the grid itself; each step halves it. null keeps the preset's own."""

    def build(self, resources: Resources, *, working_size: tuple[int, int]) -> FlowEstimator:  # noqa: ARG002
        """Return the estimator."""
        from dfvi_models.flow_estimation.dis import DisEstimator

        return DisEstimator(self.preset, self.finest_scale, working_size)


class FlowNet2(NetworkMethod, EstimatorMethod):
    """The paper's network, with its authors' weights."""

    name = "flownet2"
    networks = ("flownet2",)

    precision: Precision = "float32"
    """Numbers that networks compute with; tf32 matters on CUDA only. With made-up weights float16 moves the flow by
    0.004 px on average, bfloat16 by 0.024."""

    def build(self, resources: Resources, *, working_size: tuple[int, int]) -> FlowEstimator:
        """Return the estimator with its weights loaded."""
        from dfvi_models.flow_estimation.flownet2 import FlowNet2Estimator

        return FlowNet2Estimator.from_weights(
            resources.weights,
            names=self.networks,
            working_size=working_size,
            runtime=resources.runtime(self.precision),
        )


class Raft(NetworkMethod, EstimatorMethod):
    """RAFT, torchvision's."""

    name = "raft"
    networks = ("raft_large",)

    def build(self, resources: Resources, *, working_size: tuple[int, int]) -> FlowEstimator:
        """Return the estimator with its weights loaded."""
        from dfvi_models.flow_estimation.raft import RaftEstimator

        return RaftEstimator.from_weights(
            resources.weights,
            names=self.networks,
            working_size=working_size,
            runtime=resources.runtime(self.precision),
        )


class RaftSmall(Raft):
    """The small variant of RAFT, torchvision's."""

    name = "raft_small"
    networks = ("raft_small",)
