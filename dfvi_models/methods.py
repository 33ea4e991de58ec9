"""What the registration of a method says: its name, its parameters, the networks it needs, and how it is built.

A method is one frozen class. Its fields are its own parameters, and their docstrings the help of the command line. The
classes stand in `methods.py` of each room, light enough to be imported by every command; a method imports its algorithm
when it is built.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dfvi_models.protocols import (
    FlowCompleter,
    FlowEstimator,
    Flows,
    Frames,
    Holes,
    ImageInpainter,
    ImageMetric,
    VideoEncoder,
)
from dfvi_models.types import Candidates, Direction, Merged, Precision

if TYPE_CHECKING:
    from dfvi_models.networks.runtime import Runtime

MethodKind = Literal["estimator", "completer", "sampling", "rule", "inpainter", "image_metric", "video_encoder"]
"""What a method does; for the first five also the parameter of a stage that names the method."""


@dataclass(frozen=True)
class Resources:
    """What a method is built with besides its parameters; nothing here changes a pixel but the weights."""

    weights: Sequence[Path] = ()
    """Weight files of its `networks`, in their order."""
    device: str = "auto"
    """Where networks run: auto, cpu or cuda:N."""
    remember: Callable[[str, int], int] | None = None
    """Keeps a number under a name, and returns the one that was kept first; see `Runtime.remember`."""

    def runtime(self, precision: Precision = "float32") -> "Runtime":
        """Return how networks run on this device."""
        from dfvi_models.networks.runtime import Runtime

        return Runtime(device=self.device, precision=precision, remember=self.remember)


class Method(BaseModel):
    """A way of doing one step of the pipeline. The first paragraph of a subclass's docstring is its help text."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    kind: ClassVar[MethodKind]
    """What it does."""
    name: ClassVar[str]
    """What configurations call it."""
    version: ClassVar[int] = 1
    """Raised where the same parameters and input would give other pixels than before; enters the digest from 2 on."""
    networks: ClassVar[tuple[str, ...]] = ()
    """Names in `weights.catalogue.NETWORKS` whose weights it needs."""
    ignores: ClassVar[frozenset[str]] = frozenset()
    """Parameters of the stage that play no part with this method."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Earlier names of its parameters -> what they are called now."""


class NetworkMethod(Method):
    """A method that runs networks."""

    precision: Precision = "float32"
    """Numbers that networks compute with; tf32 matters on CUDA only."""


class EstimatorMethod(Method):
    """A way of estimating optical flow."""

    kind = "estimator"

    def build(self, resources: Resources, *, working_size: tuple[int, int]) -> FlowEstimator:
        """Return the estimator.

        working_size : height and width of the grid on which flow is estimated, and comes out in its pixels.
        """
        raise NotImplementedError


class CompleterMethod(Method):
    """A way of completing optical flow inside holes."""

    kind = "completer"

    def build(self, resources: Resources, *, dilation: int) -> FlowCompleter:
        """Return the completer.

        dilation : pixels by which holes grow before the flow in them is discarded.
        """
        raise NotImplementedError


class SamplingMethod(Method):
    """A way of carrying colours along the flow."""

    kind = "sampling"

    @property
    def candidates_per_pixel(self) -> int:
        """How many colours are kept of each pixel and direction of time."""
        return 1

    def sweep(
        self,
        clip: "HoledClip",
        *,
        direction: Direction,
        wanted: Sequence[int],
        max_consistency_error: float,
        previous: Callable[[int], Candidates],
    ) -> Iterator[tuple[int, Candidates]]:
        """Yield frame number and candidates of the wanted frames, in the order of the sweep.

        direction             : "forward" carries colours of earlier frames, "backward" those of later ones.
        wanted                : frame numbers.
        max_consistency_error : largest forward-backward error of a pixel that may be carried on, pixels.
        previous              : reads the candidates of a frame that was swept earlier.
        """
        raise NotImplementedError


class MergeMethod(Method):
    """A way of choosing among the colours that reached a hole pixel."""

    kind = "rule"

    def merge(
        self, frame: NDArray[Any], hole: NDArray[Any], t: int, forward: Candidates, backward: Candidates
    ) -> Merged:
        """Fill the hole of frame t as far as candidates reached it.

        frame : (H, W, 3) uint8 RGB; hole pixels are not read.
        hole  : (H, W) bool, True = fill.
        """
        raise NotImplementedError


class InpainterMethod(Method):
    """A way of filling the hole of a single frame."""

    kind = "inpainter"

    def build(self, resources: Resources) -> ImageInpainter:
        """Return the inpainter."""
        raise NotImplementedError


class ImageMetricMethod(Method):
    """A way of comparing two images."""

    kind = "image_metric"

    def build(self, resources: Resources) -> ImageMetric:
        """Return the metric."""
        raise NotImplementedError


class VideoEncoderMethod(Method):
    """A way of describing a video by a vector."""

    kind = "video_encoder"

    def build(self, resources: Resources) -> VideoEncoder:
        """Return the encoder."""
        raise NotImplementedError


@dataclass(frozen=True)
class HoledClip:
    """A clip with holes and the completed flow along which they are filled; every item is read when asked for."""

    frames: Frames
    holes: Holes
    flow_fw: Flows
    """T-1 of (h, w, 2) float32, pixels, t -> t+1, completed."""
    flow_bw: Flows
    """T-1 of (h, w, 2) float32, pixels, t+1 -> t, completed."""
    invented: Holes | None = None
    """T of (H, W) bool: pixels whose colour an inpainter made; None: none."""
