"""Following an object through a few frames, on from where it was. Store in, store out."""

from typing import Literal

import numpy as np

from dfvi_models.segmentation.following import Look, ObjectFollower
from dfvi_models.segmentation.tracking import follow
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.tracking.frame_span import SpanFrames


class FollowObjectParams(StageParams):
    """Which way an object is followed."""

    direction: Literal["forward", "backward"] = "forward"
    """forward: to later frames; backward: to earlier ones."""


@stage(version=2)
def follow_object(
    out: StageStore,
    *,
    frames: SpanFrames,
    given: StageStore,
    reached: StageStore | None = None,
    params: FollowObjectParams,
    job: Job,
) -> None:
    """Write the object's share in each pixel, 0 to 255, and how certain it is, in the order in which it is followed.

    frames  : those to follow it through, and beside them the one from which it is followed.
    given   : the object as it is given, of `outline_object`.
    reached : up to there it was followed before; None: it is followed from where it is given.
    """
    picture = given["picture"][0]
    height, width = picture.shape[:2]
    count = len(frames) - 1
    missing = out.create(
        share=array_layout.values(count, height, width, dtype="uint8"),
        certainty=array_layout.values(count, 1, dtype="float32"),
    )
    if not missing:
        return
    begin = missing[0]
    share, certainty = given["share"][0], 1.0
    if begin or reached is not None:
        before = out if begin or reached is None else reached
        last = (begin or len(before["share"])) - 1
        share, certainty = before["share"][last], float(before["certainty"][last][0])
    order = range(count + 1) if params.direction == "forward" else range(count, -1, -1)
    follower = ObjectFollower(Look.of(picture), given["share"][0])
    steps = follow(follower, frames, order[begin], share, order[begin + 1 :], certainty=certainty, threads=job.threads)
    for item, (_, found) in enumerate(steps, begin):
        out.write(item, share=found.share, certainty=np.array([found.certainty], np.float32))
