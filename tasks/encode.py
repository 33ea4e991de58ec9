"""Encoding: the finished frames as a video file or image folder, with the source's timing, colour tags and audio."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache.stage_store import StageStore
from storage.media.clip import Clip
from storage.media.codecs import CODECS, CONTAINERS, FOLDER, Output, choose_output, kept_of
from storage.media.full_depth import restore_alpha, restore_depth
from storage.media.reading import read_frames
from storage.media.writing import foresee_losses, write_images, write_video
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.filled_clip import Derived
from tasks.stage.filled_shots import OpenShots, ShownClip

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
    """h264-lossless (8 bits) and ffv1 (mkv only) keep each pixel beside the hole, hevc is smaller, prores (mov, mkv) is
    for cutting; null takes h264, or png for a folder."""
    crf: int = Field(18, ge=0, le=51)
    """Quality of h264 and hevc: 0 best, 51 worst; 18 is near what the eye can tell apart."""
    rest: Literal["cut", "keep"] = "cut"
    """What becomes of the frames before decode.start and from decode.stop on: cut, they are left out; keep, the output
    is as long as the video, and shows them as they are."""
    audio: bool = True
    """Carry the source's audio over: as it is where the container holds it, else encoded anew."""


@stage(version=3)  # 3: subtitles of text are converted, audio of AVI goes into Matroska, HDR10's numbers go along
def encode(
    out: StageStore,
    *,
    clip: StageStore,
    filled: OpenShots,
    video: str,
    params: EncodeParams,
    job: Job,
) -> None:
    """Write the finished frames to a video file or a folder of images; of shots without hole those of the clip, and
    those that were not stored from the video."""
    source = replace(Clip.from_json(clip.attributes["clip"]), path=Path(video))
    output = _output(params)
    _warn_of_losses(out, source, output, with_audio=params.audio)
    shown = _shown_part(source, clip, params)
    out.attributes.update({"shots": filled.told, "frames": len(shown)})
    visible_clip = ShownClip(clip, filled)
    read_ahead = ordered_map(lambda t: visible_clip.frames[t], range(visible_clip.count), job.threads)
    around = out.count(_with_rest(read_ahead, source, clip, shown), len(shown))
    frames = _at_full_depth(around, source, output, clip, _holes_of(visible_clip, clip, shown), shown)
    if params.container == FOLDER:
        with out.new_files(*(f"{t:05d}.png" for t in range(len(shown)))) as folder:
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
            start=shown.start,
            stop=shown.stop,
            threads=ENCODER_THREADS,
        )


def _shown_part(source: Clip, clip: StageStore, params: EncodeParams) -> range:
    """The frames of the video that the output shows; some of them may not be stored."""
    stored = clip.attributes["start"], clip.attributes["stop"]
    return range(source.frame_count) if params.rest == "keep" else range(*clip.attributes.get("taken", stored))


def _with_rest(frames: Iterator[NDArray[Any]], source: Clip, clip: StageStore, shown: range) -> Iterator[NDArray[Any]]:
    """The frames of the store, and around them those of the video that are shown too, as they are."""
    start, stop = clip.attributes["start"], clip.attributes["stop"]
    if (shown.start, shown.stop) == (start, stop):
        return frames
    all_frames = zip(shown, read_frames(source, shown.start, shown.stop), strict=True)
    return (next(frames) if start <= t < stop else frame for t, frame in all_frames)


def _holes_of(visible_clip: ShownClip, clip: StageStore, shown: range) -> Sequence[NDArray[Any]]:
    """What was filled of the frames that are shown; nothing of those that are not stored."""
    begin = clip.attributes["start"] - shown.start
    none = np.zeros((visible_clip.height, visible_clip.width), bool)

    def hole(t: int) -> NDArray[Any]:
        return visible_clip.holes[t - begin] if 0 <= t - begin < visible_clip.count else none

    return Derived(len(shown), hole)


def _output(params: EncodeParams) -> Output:
    return choose_output(f"video{CONTAINERS[params.container].suffixes[0]}", params.codec)


def _warn_of_losses(out: StageStore, source: Clip, output: Output, *, with_audio: bool) -> None:
    for line in foresee_losses(source, output, with_audio=with_audio):
        out.warn(line)


def _at_full_depth(
    frames: Iterator[NDArray[Any]],
    source: Clip,
    output: Output,
    clip: StageStore,
    holes: Sequence[NDArray[Any]],
    shown: range,
) -> Iterator[NDArray[Any]]:
    """The frames with the bits and the alpha of the source, where the output keeps them."""
    keeps_bits, keeps_alpha = kept_of(output, source)
    if keeps_bits:
        frames = restore_depth(source, shown.start, shown.stop, frames, holes)
    if keeps_alpha:
        is_opaque = clip.attributes["mask_is_alpha"]
        frames = restore_alpha(source, shown.start, shown.stop, frames, holes, fill_is_opaque=is_opaque)
    return frames
