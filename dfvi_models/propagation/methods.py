"""The ways of carrying colours along the flow, with their parameters."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from dfvi_models.methods import HoledClip, SamplingMethod
from dfvi_models.types import Candidates, Direction


class Traced(SamplingMethod):
    """Follow each pixel to where it is seen and sample its colour there once, between pixels."""

    name = "traced"

    candidates: Literal[1, 2] = 2
    """Colours kept of each pixel and direction of time, the nearest in time first."""
    max_steps: int = Field(60, ge=1, le=1000)
    """Frames after which a pixel is not followed further. So many frames are held in memory, each way."""

    @property
    def candidates_per_pixel(self) -> int:
        """How many colours are kept of each pixel and direction of time."""
        return self.candidates

    def sweep(
        self,
        clip: HoledClip,
        *,
        direction: Direction,
        wanted: Sequence[int],
        max_consistency_error: float,
        previous: Callable[[int], Candidates],  # noqa: ARG002
    ) -> Iterator[tuple[int, Candidates]]:
        """Yield frame number and candidates of the wanted frames."""
        from dfvi_models.propagation.traced import trace

        return trace(
            clip.frames,
            clip.holes,
            clip.flow_fw,
            clip.flow_bw,
            direction=direction,
            wanted=wanted,
            max_consistency_error=max_consistency_error,
            max_steps=self.max_steps,
            candidates=self.candidates,
            invented=clip.invented,
        )


class Nearest(SamplingMethod):
    """Hand whole pixels from frame to frame, as the paper does."""

    name = "nearest"

    reach_border: bool = True
    """Carry pixels of the last row and column too; the paper's code does not."""

    def sweep(
        self,
        clip: HoledClip,
        *,
        direction: Direction,
        wanted: Sequence[int],
        max_consistency_error: float,
        previous: Callable[[int], Candidates],
    ) -> Iterator[tuple[int, Candidates]]:
        """Yield frame number and candidates of the wanted frames."""
        from dfvi_models.propagation.nearest import propagate

        return propagate(
            clip.frames,
            clip.holes,
            clip.flow_fw,
            clip.flow_bw,
            direction=direction,
            wanted=wanted,
            max_consistency_error=max_consistency_error,
            previous=previous,
            invented=clip.invented,
            reach_border=self.reach_border,
        )
