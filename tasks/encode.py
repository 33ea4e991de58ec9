"""Encoding: the finished frames as a video file or image folder, with the source's timing, colour tags and audio."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache.stage_store import StageStore
from storage.media.clip import Clip
from storage.media.codecs import CODECS, CONTAINERS, FOLDER, Output, choose_output, kept_of
from storage.media.reading import read_frames
from storage.media.video.full_depth import restore_alpha, restore_depth
from storage.media.writing import foresee_losses, write_images, write_video
from tasks.shots.filled_clip import Derived
from tasks.shots.filled_shots import OpenShots, ShownClip
from tasks.stage.cached_stage import Job, StageParams, stage

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
    of what is not worked on those of the video."""
    source = replace(Clip.from_json(clip.attributes["clip"]), path=Path(video))
    output = _output(params)
    _warn_of_losses(out, source, output, with_audio=params.audio)
    part = _Part.of(clip.attributes)
    out.attributes.update({"shots": filled.told, "frames": len(part.shown)})
    visible_clip = ShownClip(clip, filled)
    read_ahead = ordered_map(lambda t: visible_clip.frames[t - part.first], part.filled, job.threads)
    with_rest = out.count(_with_rest(read_ahead, source, part), len(part.shown))
    frames = _at_full_depth(with_rest, source, output, clip, _holes_of(visible_clip, part), part.shown)
    if params.container == FOLDER:
        with out.new_files(*(f"{t:05d}.png" for t in range(len(part.shown)))) as folder:
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
            start=part.shown.start,
            stop=part.shown.stop,
            threads=ENCODER_THREADS,
        )


@dataclass(frozen=True)
class _Part:
    """Which frames of a video the output shows, and which of them are those that were filled."""

    first: int
    """First frame that is stored."""
    filled: range
    shown: range

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "_Part":
        """Take what decoding tells; results of before there were times tell less."""
        stored = told["start"], told["stop"]
        taken = told.get("taken", stored)
        shown = told.get("shown", taken)
        return cls(stored[0], range(max(stored[0], taken[0]), min(stored[1], taken[1])), range(*shown))


def _with_rest(filled: Iterator[NDArray[Any]], source: Clip, part: _Part) -> Iterator[NDArray[Any]]:
    """The filled frames, and around them those of the video as they are."""
    if part.filled == part.shown:
        return filled
    all_frames = zip(part.shown, read_frames(source, part.shown.start, part.shown.stop), strict=True)
    return (next(filled) if t in part.filled else frame for t, frame in all_frames)


def _holes_of(visible_clip: ShownClip, part: _Part) -> Sequence[NDArray[Any]]:
    """What was filled of each frame that is shown."""
    none = np.zeros((visible_clip.height, visible_clip.width), bool)

    def hole(t: int) -> NDArray[Any]:
        number = part.shown[t]
        return visible_clip.holes[number - part.first] if number in part.filled else none

    return Derived(len(part.shown), hole)


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
