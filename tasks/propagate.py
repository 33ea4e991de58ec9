"""Propagation: finds, for every hole pixel, the colours that reach it along the completed flow. Store in, store out."""

from collections.abc import Callable, Iterator
from typing import Literal

from pydantic import Field

from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.propagation.nearest import Direction
from dfvi_models.propagation.nearest import propagate as sweep
from dfvi_models.propagation.traced import trace
from dfvi_models.types import Candidates
from storage.cache.stage_store import StageStore
from tasks.stage import candidate_arrays as candidates
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import FilledClip

DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")


class PropagateParams(StageParams):
    """What may be carried into a hole."""

    max_consistency_error: float = Field(5.0, gt=0)
    """Largest forward-backward error of a pixel that may be carried on, in pixels."""
    sampling: Literal["traced", "nearest"] = "traced"
    """traced: follow each pixel to where it is seen and sample its colour there once, between pixels; nearest: whole
    pixels, handed from frame to frame as the paper does."""
    candidates: Literal[1, 2] = 2
    """traced: colours kept of each pixel and direction of time, the nearest in time first."""
    max_steps: int = Field(60, ge=1, le=1000)
    """traced: frames after which a pixel is not followed further. So many frames are held in memory, each way."""
    reach_border: bool = True
    """nearest: carry pixels of the last row and column too; the paper's code does not."""


@stage(version=1)
def propagate(
    out: StageStore,
    *,
    clip: StageStore,
    flow: StageStore,
    fill: StageStore | None = None,
    params: PropagateParams,
    job: Job,
) -> None:
    """Carry known pixels into the holes of later frames (forward) and of earlier ones (backward)."""
    seen = FilledClip(clip, fill)
    pixels = max(int(clip.attributes["largest_hole"]), 1)
    per_pixel = params.candidates if params.sampling == "traced" else 1
    wanted = {d: candidates.create(out, d, seen.count, per_pixel, pixels) for d in DIRECTIONS}

    def one_direction(direction: Direction) -> None:
        previous = candidates.reader(out, direction, seen.holes)
        for t, found in _sweep(seen, flow, direction, wanted[direction], previous, params):
            candidates.write(out, direction, t, found)

    list(ordered_map(one_direction, DIRECTIONS, min(job.threads, len(DIRECTIONS))))


def _sweep(
    seen: FilledClip,
    flow: StageStore,
    direction: Direction,
    wanted: list[int],
    previous: Callable[[int], Candidates],
    params: PropagateParams,
) -> Iterator[tuple[int, Candidates]]:
    arrays = (seen.frames, seen.holes, flow["flow_fw"], flow["flow_bw"])
    if params.sampling == "traced":
        return trace(
            *arrays,
            direction=direction,
            wanted=wanted,
            max_consistency_error=params.max_consistency_error,
            max_steps=params.max_steps,
            candidates=params.candidates,
            invented=seen.invented,
        )
    return sweep(
        *arrays,
        direction=direction,
        wanted=wanted,
        max_consistency_error=params.max_consistency_error,
        previous=previous,
        invented=seen.invented,
        reach_border=params.reach_border,
    )
