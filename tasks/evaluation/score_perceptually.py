"""Perceptual scores: LPIPS of each frame against the truth, I3D features of clips for VFID. Stores in and out."""

from collections.abc import Sequence

import numpy as np
from pydantic import SerializeAsAny

from dfvi_models.evaluation.methods import I3d, Lpips
from dfvi_models.methods import ImageMetricMethod, VideoEncoderMethod
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.shots.filled_clip import FilledClip
from tasks.stage.cached_stage import Job, stage
from tasks.stage.method_params import MethodParams

FEATURES = 1024  # numbers that describe a clip
PERCEPTUAL_CODE = {
    "lpips": "LPIPS 0.1 on AlexNet of whole frames, mean over frames that have a hole",
    "vfid": "VFID by I3D of whole clips at their own size",
}
LPIPS_SMALLEST, DESCRIBED_SHORTEST = 31, 2  # pixels of a side, frames: what the networks can take


class LpipsParams(MethodParams):
    """Which metric compares two images."""

    kind = "image_metric"

    image_metric: SerializeAsAny[ImageMetricMethod] = Lpips()
    """What compares two images."""


class DescribeVideoParams(MethodParams):
    """Which network describes a video."""

    kind = "video_encoder"

    video_encoder: SerializeAsAny[VideoEncoderMethod] = I3d()
    """What describes a video by a vector."""


@stage(version=1)
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
    """Write the LPIPS of each frame, NaN where it has no hole, and the mean into the attributes."""
    shown = FilledClip(merged, fill)
    wanted = out.create(scores=array_layout.values(shown.count, dtype="float64"))
    if wanted:
        metric = params.image_metric.build(params.resources(job, out.key, out.remember))
        for t in wanted:
            holed = np.asarray(clip["holes"][t]).any()
            score = metric.distance(shown.frames[t], np.asarray(truth["frames"][t])) if holed else np.nan
            out.write(t, scores=np.asarray(score, np.float64))
    known = [score for score in (float(out["scores"][t]) for t in range(shown.count)) if not np.isnan(score)]
    out.attributes["mean"] = float(np.mean(known)) if known else None


@stage(version=1)
def describe_video(
    out: StageStore, *, merged: StageStore, fill: StageStore | None = None, params: DescribeVideoParams, job: Job
) -> None:
    """Write the I3D features of a clip, one vector."""
    if out.create(features=array_layout.values(1, FEATURES, dtype="float32")):
        encoder = params.video_encoder.build(params.resources(job, out.key, out.remember))
        out.write(0, features=encoder.describe(FilledClip(merged, fill).frames))


def features_in(described: StageStore) -> list[float]:
    """Return the vector of a `describe_video` store."""
    return [float(number) for number in described["features"][0]]


def vfid(pairs: Sequence[tuple[list[float], list[float]]]) -> float:
    """Return the VFID of two or more filled clips against the true ones, from the features of each."""
    from dfvi_models.evaluation.perceptual import frechet_distance  # imports torch

    filled, true = (np.array([pair[k] for pair in pairs], np.float32) for k in (0, 1))
    return frechet_distance(filled, true)
