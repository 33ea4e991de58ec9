"""Encoding: the finished frames as a video file or image folder, with the source's timing, colour tags and audio."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache.stage_store import StageStore
from storage.media.clip import Clip
from storage.media.codecs import CODECS, CONTAINERS, FOLDER, Output, choose_output
from storage.media.track_plan import plan_tracks
from storage.media.writing import write_images, write_video
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import FilledClip

ENCODER_THREADS = 4  # the same on every machine: x264's bytes depend on it


def _one_of(table: Iterable[str]) -> AfterValidator:
    """Return a check that a text is a key of a table."""

    def check(name: str) -> str:
        if name not in table:
            raise ValueError(f"expected one of {', '.join(table)}")
        return name

    return AfterValidator(check)


ContainerName = Annotated[str, _one_of(CONTAINERS)]
CodecName = Annotated[str, _one_of(CODECS)]


class EncodeParams(StageParams):
    """What kind of file comes out."""

    container: ContainerName = "mp4"
    """png: a folder of images, lossless. The command line takes it from the name of the output."""
    codec: CodecName | None = None
    """h264-lossless and ffv1 (mkv only) keep every pixel; null takes h264, or png for a folder."""
    crf: int = Field(18, ge=0, le=51)
    """Quality of h264: 0 best, 51 worst; 18 is near what the eye can tell apart."""
    audio: bool = True
    """Carry the source's audio over: as it is where the container holds it, else encoded anew."""


@stage(version=2)  # 2: audio that was refused is encoded anew; subtitles, data, chapters and tags go along
def encode(
    out: StageStore,
    *,
    clip: StageStore,
    merged: StageStore,
    video: str,
    fill: StageStore | None = None,
    params: EncodeParams,
    job: Job,
) -> None:
    """Write the finished frames to a video file or a folder of images."""
    source = Clip.from_json(clip.attributes["clip"])
    shown = FilledClip(merged, fill)
    read_ahead = ordered_map(lambda t: shown.frames[t], range(shown.count), job.threads)
    frames: Iterator[NDArray[np.uint8]] = out.count(read_ahead, shown.count)
    if source.kind == "video":
        plan = plan_tracks(Path(video), _output(params), with_audio=params.audio)
        for warning in plan.warnings:
            out.warn(warning)
    if params.container == FOLDER:
        with out.new_files(*(f"{t:05d}.png" for t in range(shown.count))) as folder:
            write_images(folder, frames)
        return
    name = f"video.{params.container}"
    with out.new_files(name) as folder:
        write_video(
            folder / name,
            frames,
            source,
            codec=params.codec,
            quality=params.crf,
            tracks_from=video if source.kind == "video" else None,
            with_audio=params.audio,
            start=clip.attributes["start"],
            stop=clip.attributes["stop"],
            threads=ENCODER_THREADS,
        )


def _output(params: EncodeParams) -> Output:
    return choose_output(f"video{CONTAINERS[params.container].suffixes[0]}", params.codec)
