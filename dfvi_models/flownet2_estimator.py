"""FlowNet2 as an Estimator."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from dfvi_models.checkpoint import load_networks
from dfvi_models.device import Runtime
from dfvi_models.flownet2 import MULTIPLE
from dfvi_models.learned_estimator import LearnedEstimator

BYTES_PER_PIXEL = 1600  # float32, peak beyond the weights; see benchmarks/bench_networks.py


class FlowNet2Estimator(LearnedEstimator):
    """Optical flow by FlowNet2, both directions of a pair in one batch.

    network      : a FlowNet2 with weights loaded; `FlowNet2Estimator.from_weights` reads them from a file.
    working_size : (h, w) for the network, as the paper's `img_size`; None: the frames' own, padded to multiples of 64.
    """

    def __init__(
        self, network: nn.Module, *, working_size: tuple[int, int] | None = None, runtime: Runtime | None = None
    ) -> None:
        runtime = runtime or Runtime()
        super().__init__(
            runtime.place(network),
            multiple=MULTIPLE,
            bytes_per_pixel=BYTES_PER_PIXEL,
            working_size=working_size,
            runtime=runtime,
        )

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str] = ("flownet2",),
        working_size: tuple[int, int] | None = None,
        runtime: Runtime | None = None,
    ) -> "FlowNet2Estimator":
        """Build the network called `names[0]` with the weights stored at `paths[0]` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, working_size=working_size, runtime=runtime)
