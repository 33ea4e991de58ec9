"""The flow completers there are: their parameters, and the networks they need."""

from typing import ClassVar

from pydantic import Field

from dfvi_models.methods import CompleterMethod, NetworkMethod, Resources
from dfvi_models.protocols import FlowCompleter
from dfvi_models.types import Precision


class Temporal(CompleterMethod):
    """The smoothest flow through the hole, corrected by motion seen there earlier and later; needs no weights."""

    name = "temporal"

    rounds: int = Field(2, ge=0, le=10)
    """How often motion is carried, each time along the flow of the round before."""
    strength: float = Field(1.5, ge=0, le=100)
    """Weight of carried motion against smoothness."""

    def build(self, resources: Resources, *, dilation: int) -> FlowCompleter:  # noqa: ARG002
        """Return the completer."""
        from dfvi_models.flow_completion.temporal import TemporalCompleter

        return TemporalCompleter(dilation, self.rounds, self.strength)


class Learned(NetworkMethod, Temporal):
    """As temporal, corrected by a small network; its weights ship."""

    name = "learned"
    networks = ("choice",)

    def build(self, resources: Resources, *, dilation: int) -> FlowCompleter:
        """Return the completer with its weights loaded."""
        from dfvi_models.flow_completion.learned import LearnedCompleter

        return LearnedCompleter.from_weights(
            resources.weights,
            names=self.networks,
            dilation=dilation,
            rounds=self.rounds,
            strength=self.strength,
            runtime=resources.runtime(self.precision),
        )


class Smooth(CompleterMethod):
    """The smoothest flow that fits the boundary of the hole (Laplace's equation); needs no weights."""

    name = "smooth"

    def build(self, resources: Resources, *, dilation: int) -> FlowCompleter:  # noqa: ARG002
        """Return the completer."""
        from dfvi_models.flow_completion.smooth import SmoothCompleter

        return SmoothCompleter(dilation)


class Dfc(NetworkMethod, CompleterMethod):
    """The paper's DFC-Net in three stages, with its authors' weights."""

    name = "dfc"
    networks: ClassVar[tuple[str, ...]] = ("dfc_stage1", "dfc_stage2", "dfc_stage3")

    faithful: bool = False
    """Repeat the reference code's choices that harm, for exactly its numbers with the published weights."""
    sizes: tuple[tuple[int, int], ...] | None = None
    """Height and width of the grid of each stage; null takes the paper's, 240x424, 320x600 and 480x840, or for
    dfc_compact those of its recipe, 60x108, 80x144 and 120x216."""
    precision: Precision = "float32"
    """Numbers that networks compute with; tf32 matters on CUDA only. With made-up weights float16 moves the flow of a
    stage by 0.004 px on average, bfloat16 by 0.035; of dfc_resnet101 by 0.012 and 0.08."""

    def build(self, resources: Resources, *, dilation: int) -> FlowCompleter:
        """Return the completer with its weights loaded."""
        from dfvi_models.flow_completion.dfc import DfcCompleter

        return DfcCompleter.from_weights(
            resources.weights,
            names=self.networks,
            sizes=self.sizes,
            enlarge_kernel=2 * dilation + 1 if dilation else 0,
            faithful=self.faithful,
            runtime=resources.runtime(self.precision),
        )


class DfcCompact(Dfc):
    """DFC-Net in three stages, smaller; its weights ship."""

    name = "dfc_compact"
    networks = ("dfc_compact_stage1", "dfc_compact_stage2", "dfc_compact_stage3")


class DfcResnet101(Dfc):
    """The single stage of DFC-Net for object removal, with its authors' weights."""

    name = "dfc_resnet101"
    networks = ("dfc_resnet101",)
