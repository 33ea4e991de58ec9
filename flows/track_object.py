"""The flow that follows objects through a video from frames in which they are given, and writes them as a mask."""

import time
from pathlib import Path
from typing import Any, Literal

import prefect
from pydantic import BaseModel

from flows.pipeline.runner import Runner, available_threads
from storage.cache.names import name_of_video
from storage.cache.root import Root
from storage.delivery import check_apart
from storage.media.masks.writing import check_mask_name
from storage.media.reading import probe
from tasks.decode import MediaInput
from tasks.stage.cached_stage import Job, StageResult, task_of
from tasks.tracking.chains import Followings, follow_through
from tasks.tracking.frame_span import FrameIndex
from tasks.tracking.given_frames import GivenObjects, files_of, given_objects
from tasks.tracking.index_frames import IndexFramesParams, index_frames
from tasks.tracking.outline_object import OutlineObjectParams, outline_object
from tasks.tracking.tracked_object import TrackedObject
from tasks.tracking.write_track import FrameFacts, TrackFacts, check_preview_name, write_preview, write_track

Shots = Literal["auto", "none"]


class TrackedFrame(BaseModel):
    """What came of an object in one frame."""

    frame: int
    object: int
    pixels: int
    """That are marked."""
    certainty: float
    """0 to 1; 1 where the object is given."""
    given: bool


class TrackedThing(BaseModel):
    """What came of one object."""

    object: int
    given: list[int]
    """Frames in which it is given."""
    certainty: float
    """Mean over the frames that were followed."""
    unsure: int
    """Frames to look at."""
    correct_first: int | None
    """Frame whose correction would help most; None where every frame is given."""
    shots_without: list[tuple[int, int]]
    """First and last frame of each shot in which the object is not given; nothing of it is marked there."""


class TrackSummary(BaseModel):
    """What came of tracking objects."""

    video: str
    output: str
    preview: str | None
    seconds: float
    frames: list[TrackedFrame]
    objects: list[TrackedThing]
    marked: int
    """Frames in which anything is marked."""
    frame_count: int
    computed: int
    """Results that had to be computed; all others were known."""


@prefect.flow(name="track_object", flow_run_name="{video_path}", persist_result=False)
def track_object(
    video_path: str,
    given: list[str],
    output: str,
    preview: str | None = None,
    root: str = ".dfvi",
    name: str | None = None,
    shots: Shots | list[int] = "auto",
    threads: int | None = None,
) -> TrackSummary:
    """Follow objects through the shots in which they are given.

    video_path : video file or image folder.
    given      : FRAME=MASK each, or FRAME#OBJECT=MASK.
    output     : mask file or folder to write.
    preview    : image or video to write, in which the objects are tinted and outlined.
    root       : folder or s3:// URL of the stored results.
    name       : name of the video below the root; None takes the file's.
    shots      : auto, none, or the first frame of every shot but the first.
    threads    : None takes as many as there are cores.
    Raises     : InputError for what cannot be used; OSError if something cannot be written. What was followed is kept,
                 and the next run goes on there.
    """
    started = time.monotonic()
    clip = probe(video_path)
    objects = given_objects(clip, given)
    check_outputs(video_path, objects, output, preview, clip.frame_count)
    store_root = Root.create(root)
    name = name or name_of_video(video_path)
    record = store_root.start_run("track", name)
    runner = Runner(Job(str(store_root.path), name, threads or available_threads(), record=record))
    params = IndexFramesParams(shots=shots if isinstance(shots, str) else tuple(shots))
    video = MediaInput.video(video_path)
    index = FrameIndex(runner.job, video, runner(index_frames, params, video=video))
    tracked = {number: follow(runner, index, masks) for number, masks in objects.items()}
    facts = write_track(Path(output), tracked, index.clip)
    if preview:
        write_preview(Path(preview), tracked, index.clip, facts)
    frames = [_frame(number, frame) for number, each in facts.items() for frame in each.frames]
    summary = TrackSummary(
        video=name,
        output=output,
        preview=preview,
        seconds=round(time.monotonic() - started, 3),
        frames=frames,
        objects=[_thing(number, each) for number, each in facts.items()],
        marked=len({frame.frame for frame in frames if frame.pixels}),
        frame_count=index.clip.frame_count,
        computed=sum(result.action != "reuse" for result in runner.done),
    )
    record.finish(summary.model_dump(exclude={"frames"}))
    return summary


def _frame(number: int, facts: FrameFacts) -> TrackedFrame:
    return TrackedFrame(
        frame=facts.frame, object=number, pixels=facts.pixels, certainty=facts.certainty, given=facts.is_given
    )


def _thing(number: int, facts: TrackFacts) -> TrackedThing:
    return TrackedThing(
        object=number,
        given=[frame.frame for frame in facts.frames if frame.is_given],
        certainty=round(facts.certainty, 3),
        unsure=facts.unsure,
        correct_first=facts.correct_first,
        shots_without=list(facts.shots_without),
    )


def check_outputs(video: str, given: GivenObjects, output: str, preview: str | None, frame_count: int) -> None:
    """Check that mask and preview can be written, and replace nothing they are made from. Raises InputError."""
    check_mask_name(Path(output), frame_count)
    inputs = [video, *map(str, files_of(given))]
    check_apart(Path(output), *inputs)
    if preview:
        check_preview_name(Path(preview))
        check_apart(Path(preview), *inputs, output)


def follow(runner: Runner, index: FrameIndex, masks: dict[int, str]) -> TrackedObject:
    """Follow an object from the masks of some frames through all stages."""
    reader = index.reader()
    outlined: dict[int, StageResult] = {}
    for frame, mask in masks.items():
        picture = index.span(frame, frame + 1, reader)
        media = MediaInput.mask(mask)
        outlined[frame] = runner(outline_object, OutlineObjectParams(frame=frame), frame=picture, mask=media)
    followed = _follow_chains(runner, index, outlined)
    runner.done += followed.done
    return TrackedObject(runner.job, index, outlined, followed.chains)


def _follow_chains(runner: Runner, index: FrameIndex, outlined: dict[int, StageResult]) -> Followings:
    def follow_chains() -> Any:
        from prefect.states import Completed

        done = follow_through(runner.job, index, outlined)
        return Completed(name="Cached", message="reused all of it", data=done) if done.was_stored else done

    title = f"follow_object {runner.job.video_name}"
    state: Any = task_of(follow_chains, "follow_object", title, "Follow an object from where it is given.")(
        return_state=True
    )
    done: Followings = state.result()
    return done
