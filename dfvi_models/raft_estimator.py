"""RAFT as an Estimator."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from dfvi_models.checkpoint import load_networks
from dfvi_models.device import Runtime
from dfvi_models.learned_estimator import LearnedEstimator
from dfvi_models.raft import MULTIPLE, SMALLEST, RaftFlow

BYTES_PER_PIXEL = 4000  # at 480 x 840 the correlation alone is 2.1 kB; it grows with the square of the picture


class RaftEstimator(LearnedEstimator):
    """Optical flow by RAFT, both directions of a pair in one batch.

    raft         : with weights loaded; `RaftEstimator.from_weights` reads them from a file.
    working_size : (h, w) for the network; None: the frames' own, padded to multiples of 8 and at least 128.
    """

    def __init__(
        self, raft: nn.Module, *, working_size: tuple[int, int] | None = None, runtime: Runtime | None = None
    ) -> None:
        runtime = runtime or Runtime()
        super().__init__(
            runtime.place(RaftFlow(raft)),
            multiple=MULTIPLE,
            smallest=SMALLEST,
            bytes_per_pixel=BYTES_PER_PIXEL,
            working_size=working_size,
            runtime=runtime,
        )

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str] = ("raft_large",),
        working_size: tuple[int, int] | None = None,
        runtime: Runtime | None = None,
    ) -> "RaftEstimator":
        """Build the network called `names[0]` with the weights stored at `paths[0]` (see `weights.find_weights`)."""
        (network,) = load_networks(names, paths)
        return cls(network, working_size=working_size, runtime=runtime)
