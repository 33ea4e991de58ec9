"""How filled clips look: LPIPS of each frame against the truth, and what I3D sees in the whole. Stores in and out."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import FilledClip
from tasks.stage.method_loading import build, weights_of

FEATURES = 1024  # numbers that describe a clip
PERCEPTUAL_CODE = {
    "lpips": "LPIPS 0.1 on AlexNet of whole frames, mean over frames that have a hole",
    "vfid": "VFID by I3D of whole clips at their own size",
}
LPIPS_SMALLEST, DESCRIBED_SHORTEST = 31, 2  # pixels of a side, frames: what the networks can take


class LpipsParams(StageParams):
    """How pictures are compared."""

    comparer: Literal["lpips"] = Field("lpips")
    """LPIPS 0.1 on AlexNet."""


class DescribeVideoParams(StageParams):
    """How videos are described."""

    describer: Literal["i3d"] = Field("i3d")
    """I3D, trained on Kinetics; for VFID."""


@stage(version=1, weights=weights_of("comparer", "comparer"))
def lpips(
    out: StageStore,
    *,
    truth: StageStore,
    clip: StageStore,
    merged: StageStore,
    fill: StageStore | None = None,
    params: LpipsParams,
    job: Job,
) -> None:
    """Write the LPIPS of each frame, nan where there was no hole; the mean stands in the attributes."""
    shown = FilledClip(merged, fill)
    wanted = out.create(scores=array_layout.values(shown.count, dtype="float64"))
    if wanted:
        comparer = build("comparer", params.comparer, job)
        for t in wanted:
            holed = np.asarray(clip["holes"][t]).any()
            score = comparer.distance(shown.frames[t], np.asarray(truth["frames"][t])) if holed else np.nan
            out.write(t, scores=np.asarray(score, np.float64))
    known = [score for score in (float(out["scores"][t]) for t in range(shown.count)) if not np.isnan(score)]
    out.attributes["mean"] = float(np.mean(known)) if known else None


@stage(version=1, weights=weights_of("describer", "describer"))
def describe_video(
    out: StageStore, *, merged: StageStore, fill: StageStore | None = None, params: DescribeVideoParams, job: Job
) -> None:
    """Write what I3D sees in a clip as one vector."""
    if out.create(features=array_layout.values(1, FEATURES, dtype="float32")):
        out.write(0, features=build("describer", params.describer, job).describe(FilledClip(merged, fill).frames))


def features_in(described: StageStore) -> list[float]:
    """What stands in a `describe_video` store."""
    return [float(number) for number in described["features"][0]]


def vfid(pairs: Sequence[tuple[list[float], list[float]]]) -> float:
    """VFID of two or more filled clips against true ones, by what I3D sees in each."""
    from dfvi_models.evaluation.perceptual import frechet_distance  # imports torch

    filled, true = (np.array([pair[k] for pair in pairs], np.float32) for k in (0, 1))
    return frechet_distance(filled, true)
