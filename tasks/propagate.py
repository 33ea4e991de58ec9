"""Propagation: finds, for every hole pixel, the colours that reach it along the completed flow. Store in, store out."""

from typing import Literal

from pydantic import Field

from dfvi_models.parallel import ordered_map
from dfvi_models.propagation import Direction
from dfvi_models.propagation import propagate as sweep
from storage.stage_store import StageStore
from tasks import candidates
from tasks.filled_clip import FilledClip
from tasks.stage import Job, StageParams, stage

DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")
PER_DIRECTION = 1  # candidates per pixel and direction that the frame-by-frame sweep finds


class PropagateParams(StageParams):
    """What may be carried into a hole."""

    max_consistency_error: float = Field(5.0, gt=0)
    """Largest forward-backward error of a pixel that may be carried on, in pixels."""
    sampling: Literal["nearest"] = "nearest"
    """nearest: whole pixels, handed from frame to frame as the paper does."""
    reach_border: bool = True
    """Carry pixels of the last row and column too; the paper's code does not."""


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
    wanted = {d: candidates.create(out, d, seen.count, PER_DIRECTION, pixels) for d in DIRECTIONS}

    def one_direction(direction: Direction) -> None:
        found = sweep(
            seen.frames,
            seen.holes,
            flow["flow_fw"],
            flow["flow_bw"],
            direction=direction,
            max_consistency_error=params.max_consistency_error,
            wanted=wanted[direction],
            previous=candidates.reader(out, direction, seen.holes),
            invented=seen.invented,
            reach_border=params.reach_border,
        )
        for t, carried in found:
            candidates.write(out, direction, t, carried)

    list(ordered_map(one_direction, DIRECTIONS, min(job.threads, len(DIRECTIONS))))
