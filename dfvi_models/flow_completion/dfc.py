"""DFC-Net over a whole clip: up to three stages from coarse to fine, as a stream with bounded memory.

Stage 1 completes each direction alone from a harmonic first guess; stages 2 and 3 see both directions as the stage
before left them, on a finer grid. A stage at frame t looks at t-5 .. t+5 of the one before, so the third reads 15
frames ahead. Source: arXiv:1905.02884, section 3.1 (coarse-to-fine refinement).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import nn

from dfvi_models.errors import ShapeError
from dfvi_models.flow_completion.dfc_inputs import Size, carry_over
from dfvi_models.flow_completion.dfc_stage import Array, Clip, Directions, KnownFlow, MapMaker, Stage
from dfvi_models.networks.dfc_net import IN_FIRST, IN_REFINE
from dfvi_models.networks.runtime import Runtime, choose_device
from dfvi_models.numerics.clip_checks import check_flows, wanted_numbers
from dfvi_models.numerics.sliding_window import SlidingWindow
from dfvi_models.protocols import Flows, Holes
from dfvi_models.types import FlowPair
from dfvi_models.weights.loading import load_networks

THREE_STAGES = ("dfc_stage1", "dfc_stage2", "dfc_stage3")
SIZES: tuple[Size, ...] = ((240, 424), (320, 600), (480, 840))  # of the three stages, as published
COMPACT_SIZES: tuple[Size, ...] = ((60, 108), (80, 144), (120, 216))  # as the recipe dfc-compact trains them
BYTES_PER_PIXEL = 3000  # float32, one window beyond the weights; see benchmarks/bench_networks.py
MOST_WINDOWS = 8  # per batch; more is no faster and reads further ahead


class DfcCompleter:
    """Completes flow by DFC-Net, the paper's, in one stage (ResNet-101) or three (ResNet-50, compact).

    networks       : one `DfcNet` per stage with weights loaded, the first 33 -> 2, the others 66 -> 4.
    sizes          : (h, w) of each stage's grid; None: those of the paper, or those compact networks are trained on.
    enlarge_kernel : side of the square by which holes are dilated before completion: flow beside it is spoilt by the
                     object in it; 0: not at all. In pixels of the input flow (faithful: of stage 1).
    faithful       : do exactly what the reference does, for released weights. Otherwise three of its choices give way
                     to sane ones: known flow is taken from the input at every stage and in the result, not from the
                     coarser stage; backward windows hold real flows only, not a zero flow for the first frame; the
                     last forward flow comes from its own window. Thin holes survive on coarse grids.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        *,
        sizes: Sequence[Size] | None = None,
        enlarge_kernel: int = 0,
        faithful: bool = False,
        runtime: Runtime | None = None,
    ) -> None:
        if sizes is None:
            compact = any(getattr(network, "adds", False) for network in networks)
            sizes = (COMPACT_SIZES if compact else SIZES)[: len(networks)]
        inputs = [getattr(network, "inputs", None) for network in networks]
        if not networks or len(sizes) != len(networks) or inputs != [IN_FIRST] + [IN_REFINE] * (len(networks) - 1):
            raise ShapeError(
                f"expected a first network of {IN_FIRST} channels, further ones of {IN_REFINE}, and a size for each; "
                f"got {inputs} channels and the sizes {list(sizes)}"
            )
        self.runtime = runtime or Runtime()
        self.networks = [self.runtime.place(network) for network in networks]
        self.sizes = [(int(height), int(width)) for height, width in sizes]
        self.enlarge_kernel, self.faithful = enlarge_kernel, faithful

    @classmethod
    def from_weights(
        cls,
        paths: Sequence[Path],
        *,
        names: Sequence[str] = THREE_STAGES,
        sizes: Sequence[Size] | None = None,
        enlarge_kernel: int = 0,
        faithful: bool = False,
        runtime: Runtime | None = None,
    ) -> "DfcCompleter":
        """Build the networks called `names` with the weights stored at `paths` (see `weights.find_weights`)."""
        networks = load_networks(names, paths)
        return cls(networks, sizes=sizes, enlarge_kernel=enlarge_kernel, faithful=faithful, runtime=runtime)

    def complete(
        self, flow_fw: Flows, flow_bw: Flows, holes: Holes, *, wanted: Sequence[int], threads: int = 1
    ) -> Iterator[tuple[int, FlowPair]]:
        """Complete the flow of the wanted pairs, in ascending order; arguments and errors as in `FlowCompleter`.

        Holes are of the flow's size. What lies far from every wanted pair is not computed.

        Each flow and hole is read once by every stage and once for the result. Flows ahead are read, resized and filled
        on `threads` threads meanwhile.
        """
        check_flows(len(holes), flow_fw, flow_bw)
        pairs = wanted_numbers(wanted, len(holes) - 1, "pairs")
        clip = Clip(flow_fw, flow_bw, holes, self.enlarge_kernel, self.faithful)
        completed = chain_stages(self.networks, self.sizes, clip, self.runtime, threads)
        assert completed is not None  # there is at least one network
        known = SlidingWindow(lambda start: map(clip.read, range(start, clip.frames)))
        for t in pairs:
            (here, there), (known_here, known_there) = completed.between(t, t + 1), known.between(t, t + 1)
            yield t, FlowPair(fw=self._result(here.fw, known_here.fw), bw=self._result(there.bw, known_there.bw))

    def _result(self, coarse: Array | None, known: KnownFlow | None) -> Array:
        """Return the last stage's flow on the grid of the input."""
        assert coarse is not None  # only the ends of a clip lack one direction, and no pair asks for those
        assert known is not None
        return carry_over(coarse, *known, everywhere=self.faithful)


def chain_stages(
    networks: Sequence[nn.Module], sizes: Sequence[Size], clip: Clip, runtime: Runtime, threads: int
) -> SlidingWindow[Directions[Array]] | None:
    """Chain the stages, each of which pulls what it needs from the one before, and return the last one's flows.

    networks : on their device, in evaluation mode; without any there is no result.
    """
    device = choose_device(runtime.device)
    completed: SlidingWindow[Directions[Array]] | None = None
    for network, size in zip(networks, sizes, strict=True):
        batch = runtime.batch_size(size[0] * size[1] * BYTES_PER_PIXEL, MOST_WINDOWS)
        maps = MapMaker(clip, size, completed, device, threads)
        stage = Stage(network, maps, runtime, batch=batch, refine=completed is not None)
        completed = SlidingWindow(stage.flows, batch)
    return completed
