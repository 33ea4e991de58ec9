"""Propagation: finds, for every hole pixel, the colours that reach it along the completed flow. Store in, store out."""

from pydantic import Field, SerializeAsAny

from dfvi_models.methods import HoledClip, SamplingMethod
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.propagation.methods import Traced
from dfvi_models.types import Direction
from storage.cache.stage_store import StageStore
from tasks.shots.filled_clip import FilledClip
from tasks.stage import candidate_arrays
from tasks.stage.cached_stage import Job, stage
from tasks.stage.method_params import MethodParams

DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")


class PropagateParams(MethodParams):
    """What may be carried into a hole."""

    kind = "sampling"

    max_consistency_error: float = Field(5.0, gt=0)
    """Largest forward-backward error of a pixel that may be carried on, in pixels."""
    sampling: SerializeAsAny[SamplingMethod] = Traced()
    """How colours are carried along the flow."""


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
    visible_clip = FilledClip(clip, fill)
    holed = HoledClip(visible_clip.frames, visible_clip.holes, flow["flow_fw"], flow["flow_bw"], visible_clip.invented)
    pixels = max(int(clip.attributes["largest_hole"]), 1)
    per_pixel = params.sampling.candidates_per_pixel
    wanted = {d: candidate_arrays.create(out, d, visible_clip.count, per_pixel, pixels) for d in DIRECTIONS}

    def sweep(direction: Direction) -> None:
        found = params.sampling.sweep(
            holed,
            direction=direction,
            wanted=wanted[direction],
            max_consistency_error=params.max_consistency_error,
            previous=candidate_arrays.reader(out, direction, visible_clip.holes),
        )
        for t, candidates in found:
            candidate_arrays.write(out, direction, t, candidates)

    list(ordered_map(sweep, DIRECTIONS, min(job.threads, len(DIRECTIONS))))
