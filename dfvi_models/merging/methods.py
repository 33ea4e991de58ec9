"""The ways of choosing among the colours that reached a hole pixel, with their parameters."""

from typing import Any

from numpy.typing import NDArray
from pydantic import Field

from dfvi_models.methods import MergeMethod
from dfvi_models.types import Candidates, Merged


class Robust(MergeMethod):
    """What most candidates agree on, weighted by how surely each was carried, and blended into the frame as far as it
    can be trusted."""

    name = "robust"
    renamed = {"trust": "detail_bias"}  # noqa: RUF012

    blending: bool = True
    """Blend into the frame; false writes the fused colours as they are."""
    detail_bias: float = Field(0.0, ge=-10, le=20)
    """Added to the log-odds that carried detail is true. 0 comes nearest to the truth on average; more keeps what is
    doubtful sharp, right or wrong, less smooths it."""

    def merge(
        self, frame: NDArray[Any], hole: NDArray[Any], t: int, forward: Candidates, backward: Candidates
    ) -> Merged:
        """Fill the hole of frame t as far as candidates reached it."""
        from dfvi_models.merging.fusion import ConfidenceModel
        from dfvi_models.merging.robust import merge_robust

        confidence = ConfidenceModel().shifted(self.detail_bias)
        return merge_robust(frame, hole, t, forward, backward, blending=self.blending, model=confidence)


class Nearest(MergeMethod):
    """The colour seen nearer in time, as the paper does."""

    name = "nearest"
    version = 2

    seam_blending: float = Field(8.0, ge=0, le=100)
    """Pixels over which a step between colours of different frames, or to the boundary, is smoothed out; 0: not."""

    def merge(
        self, frame: NDArray[Any], hole: NDArray[Any], t: int, forward: Candidates, backward: Candidates
    ) -> Merged:
        """Fill the hole of frame t as far as candidates reached it."""
        from dfvi_models.merging.nearest import merge_nearest

        return merge_nearest(frame, hole, t, forward, backward, seam_blending=self.seam_blending)
