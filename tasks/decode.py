"""Decoding: frames and holes of a video. Media files in, store out."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator

from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.ordered_map import ordered_map
from dfvi_models.shots.regions import REACH
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.clip import Clip, check_range
from storage.media.images.folder import list_images
from storage.media.masks.holes import read_holes
from storage.media.masks.kinds.alpha import AlphaMask
from storage.media.masks.parsing import parse_mask
from storage.media.reading import content_digest, probe, read_frames
from storage.media.times import Moment, Span, frames_in, parse_moment
from storage.media.video.frame_seeking import FrameSeeker
from storage.media.video.probe import INTERLACED
from tasks.shots.read_again import ClipReadAgain
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.write_behind import write_behind

FRAME_RATE = re.compile(r"\d{1,9}(\.\d{1,9})?|\d{1,9}/(?!0+$)\d{1,9}")  # Fraction would compute 1e99999999
MOST_MASKED = 0.8  # share of all pixels beyond which a mask is rarely meant


BESIDE = 2 * REACH
"""Frames before and after the time of a mask that are stored too: filling looks REACH frames far, and the cuts and
dissolves in there are found by what lies around them."""


def _frame_or_time(value: object) -> object:
    """The number of a frame as it is; of a time, the one way in which it is written."""
    if isinstance(value, bool) or (isinstance(value, int) and not 0 <= value < 10**9):
        raise ValueError("a frame is a whole number from 0 on")
    if isinstance(value, int) or not isinstance(value, str | float):
        return value
    try:
        moment = parse_moment(str(value))
    except InputError as error:
        raise ValueError(str(error)) from None
    return str(moment) if moment.frame is None else moment.frame


FrameOrTime = Annotated[int | str, BeforeValidator(_frame_or_time)]


class DecodeParams(StageParams):
    """Which frames are taken, and what counts as hole."""

    start: FrameOrTime = 0
    """First frame taken, or its time in the video, such as 0:10 or 12.5s."""
    stop: FrameOrTime | None = Field(None)
    """Frame after the last one taken, or its time; null takes all."""
    rest: Literal["cut", "keep"] = "cut"
    """What becomes of the frames before start and from stop on: cut, the output is without them, and nothing looks at
    them; keep, the output is as long as the video, they are in it as they were, and those nearby help to fill."""
    frame_rate: str | None = None
    """Frames a second of an image folder, as a number or a fraction such as 30000/1001; null takes 24."""
    mask_threshold: int = Field(127, ge=0, le=254)
    """Brightness of the mask, 0 to 255, above which a pixel is hole; numbers of label images are holes in any case."""
    invert_mask: bool = False
    """True where the mask marks what is kept."""
    mask_object: int | None = Field(None, ge=1)
    """Of a label map, the number of the only object that is removed; null removes all of them."""
    fit_mask: bool = False
    """Bring a mask of another size or rate to that of the video, instead of refusing it."""
    deinterlace: bool = False
    """Make whole frames of interlaced ones, which otherwise stay woven of two fields."""
    dilation: int = Field(4, ge=0, le=500)
    """Pixels by which the mask grows: edges of things blend into their background."""

    def identity(self) -> dict[str, Any]:
        """See StageParams; without `rest` where nothing is kept, as it was before there was one."""
        params = super().identity()
        if self.rest == "cut":
            del params["rest"]
        return params

    def moments(self) -> Span:
        """Return from when to when frames are taken."""
        end = None if self.stop is None else _moment(self.stop)
        return Span(_moment(self.start), end)

    @field_validator("frame_rate", mode="before")
    @classmethod
    def _check_rate(cls, value: object) -> str | None:
        if value is None:
            return None
        text = str(value) if isinstance(value, str | int | float) else ""
        if not FRAME_RATE.fullmatch(text):
            raise ValueError("frames a second are a number or a fraction such as 30000/1001")
        rate = Fraction(text)
        if not 0 < rate <= 1000:
            raise ValueError("frames a second lie above 0 and up to 1000")
        return str(rate)


def _moment(value: int | str) -> Moment:
    return parse_moment(value) if isinstance(value, str) else Moment(frame=value)


def taken_frames(clip: Clip, params: DecodeParams) -> tuple[int, int]:
    """Return the frames of a clip that are to be filled, as first and stop (not included).

    Raises : InputError if there are none, they leave the clip, or a truncated file lost some that the output shows.
    """
    start, stop = frames_in(clip, params.moments(), "the part to take (decode.start to decode.stop)")
    if params.rest == "keep":
        check_range(clip, 0, None)
    return start, check_range(clip, start, stop)


def stored_frames(clip: Clip, mask: str, params: DecodeParams) -> tuple[int, int]:
    """Return the frames that are stored: those taken, with those beside them where the rest is kept; where masks count
    for some time only, none far from that.

    Raises : InputError if a time lies outside the clip, or outside what is taken.
    """
    start, stop = taken_frames(clip, params)
    source = parse_mask(mask)
    beside = REACH if params.rest == "keep" else 0
    begin, end = max(start - beside, 0), min(stop + beside, clip.frame_count)
    if not source.is_timed:
        return begin, end
    spans = [(first, last) for first, last in source.spans(clip) if first < stop and start < last]
    if not spans:
        raise InputError(f"{source.name} counts for no frame from {start} to {stop - 1}, which are all that is taken")
    first, last = min(first for first, _ in spans), max(last for _, last in spans)
    return max(begin, first - BESIDE), min(end, last + BESIDE)


def worked_frames(clip: Clip, mask: str, params: DecodeParams) -> tuple[int, int]:
    """Return those of the stored frames that are taken, as first and stop (not included). Raises InputError."""
    (start, stop), (begin, end) = taken_frames(clip, params), stored_frames(clip, mask, params)
    return max(start, begin), min(stop, end)


@dataclass(frozen=True)
class MediaInput:
    """A video or a mask as the user names it, with the digest of its content."""

    text: str
    """Path, or what else names a mask (a box, `alpha`)."""
    kind: Literal["video", "mask"]
    digest: str = field(default="")
    paths: tuple[Path, ...] = field(default=(), compare=False)
    stamps: tuple[tuple[str, int, int], ...] = field(default=(), compare=False)
    """Name, size and time of change of each file, as they were before it was digested."""

    @classmethod
    def video(cls, path: str) -> "MediaInput":
        """Return a video file or image folder as an input. Raises InputError if it cannot be read."""
        paths = (Path(path),)
        stamps = _stamps(paths)
        return cls(path, "video", content_digest(Path(path)), paths, stamps)

    @classmethod
    def mask(cls, text: str) -> "MediaInput":
        """Return a mask, a file, folder, box or `alpha`, as an input. Raises InputError if it cannot be read."""
        source = parse_mask(text)
        stamps = _stamps(source.paths)
        return cls(text, "mask", source.digest(), source.paths, stamps)

    def check(self) -> None:
        """Raise InputError if a file has changed since it was digested."""
        changed = {name for name, *_ in set(_stamps(self.paths)) ^ set(self.stamps)}
        if changed:
            raise InputError(f"{min(changed)} changed while it was worked on; run again once it is written")

    def open(self, job: Job) -> str:  # noqa: ARG002
        """Return the text itself: decoding opens the files."""
        return self.text


def _stamps(paths: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of each file, and of each image in a folder; what is not there has none."""
    stamps = []
    for file in (file for path in paths for file in (list_images(path) if path.is_dir() else [path])):
        with suppress(FileNotFoundError):
            status = file.stat()
            stamps.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(stamps)


@stage(version=2)  # 2: grey palettes, orientation and pages of masks; odd streams
def decode(out: StageStore, *, video: str, mask: str, params: DecodeParams, job: Job) -> None:
    """Write the frames as decoded, and the mask, thresholded and dilated, as holes."""
    clip = probe_as(video, params)
    start, stop = stored_frames(clip, mask, params)
    count = stop - start
    wanted = out.create(
        frames=array_layout.frames(count, clip.height, clip.width),
        holes=array_layout.holes(count, clip.height, clip.width),
    )
    if job.keep == "result":  # who reads the frames decodes them again
        out.lacks_items = True
        _write_holes(out, clip, mask, params, start, job.threads)
        counts = [int(np.count_nonzero(hole)) for hole in out["holes"]]
    else:
        counts = [int(np.count_nonzero(out["holes"][t])) for t in sorted(set(range(count)) - set(wanted))]
        with write_behind(out) as write:
            for t, frame, hole in _decoded(clip, mask, params, start, wanted, job.threads):
                write(t, frames=frame, holes=hole)
                counts.append(int(np.count_nonzero(hole)))
    if not any(counts):
        raise InputError(f"the mask {mask} marks no pixel in any of the {count} frames; is it inverted, or dark?")
    for warning in clip.warnings:
        out.warn(warning)
    covered = sum(counts) / (count * clip.height * clip.width)
    if covered > MOST_MASKED:
        out.warn(
            f"the mask covers {covered:.0%} of all frames; if it marks what is "
            "kept set decode.invert_mask, and if it marks too much raise decode.mask_threshold"
        )
    out.attributes.update({"clip": clip.to_json(), "start": start, "stop": stop, "frames": count})
    out.attributes["taken"] = taken = taken_frames(clip, params)
    out.attributes["shown"] = (0, clip.frame_count) if params.rest == "keep" else taken
    out.attributes["mask_is_alpha"] = AlphaMask() in parse_mask(mask).sources
    out.attributes.update({"hole_pixels": sum(counts), "largest_hole": max(counts)})


@lru_cache(maxsize=2)
def _seeker(clip: Clip, content: str) -> FrameSeeker:  # noqa: ARG001 (a file of other content is looked through again)
    return FrameSeeker(clip)


def read_source(out: StageStore, *, video: str, mask: str, params: DecodeParams, job: Job) -> ClipReadAgain:
    """Return a dropped clip whose frames are decoded again as they are read; its holes are stored first."""
    clip = replace(Clip.from_json(out.attributes["clip"]), path=Path(video))
    start, count = int(out.attributes["start"]), int(out.attributes["frames"])
    out.create(holes=array_layout.holes(count, clip.height, clip.width))
    _write_holes(out, clip, mask, params, start, job.threads)
    return ClipReadAgain(out, _seeker(clip, str(out.key.inputs["video"])), job.threads)


decode.reader = read_source


def _write_holes(out: StageStore, clip: Clip, mask: str, params: DecodeParams, begin: int, threads: int) -> None:
    """Write the holes that are missing."""
    wanted = out["holes"].missing()
    if not wanted:
        return
    first, stop, chosen = wanted[0], wanted[-1] + 1, set(wanted)
    marked = enumerate(marked_holes(params, mask, clip, begin + first, begin + stop), first)
    grown = ordered_map(
        lambda item: (item[0], dilate_by_disc(item[1], params.dilation)),
        (item for item in marked if item[0] in chosen),
        threads,
    )
    with write_behind(out) as write:
        for t, hole in grown:
            write(t, holes=hole)


def _decoded(
    clip: Clip, mask: str, params: DecodeParams, begin: int, wanted: list[int], threads: int
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield frame number, frame and dilated hole of the wanted frames, counted from frame `begin` of the video."""
    if not wanted:
        return iter(())
    start, stop = begin + wanted[0], begin + wanted[-1] + 1
    frames = read_frames(clip, start, stop)
    holes = marked_holes(params, mask, clip, start, stop)
    chosen = set(wanted)
    numbered = zip(range(wanted[0], wanted[-1] + 1), frames, holes, strict=True)
    pairs = (item for item in numbered if item[0] in chosen)
    return ordered_map(lambda item: (item[0], item[1], dilate_by_disc(item[2], params.dilation)), pairs, threads)


def marked_holes(
    params: DecodeParams, mask: str, clip: Clip, start: int = 0, stop: int | None = None
) -> Iterator[NDArray[np.bool_]]:
    """Return what a mask marks in frames start to stop (not included) of a clip, (H, W) bool each, before it grows.

    Raises : InputError if the mask does not fit the clip, or cannot be read.
    """
    return read_holes(
        parse_mask(mask),
        clip,
        threshold=params.mask_threshold,
        invert=params.invert_mask,
        object_number=params.mask_object,
        fit=params.fit_mask,
        start=start,
        stop=stop,
    )


def probe_as(video: str, params: DecodeParams) -> Clip:
    """Return the facts of a clip as it is decoded: at the frame rate that is set, and deinterlaced where it is to be.

    Raises : InputError if it cannot be read.
    """
    clip = probe(video, rate=Fraction(params.frame_rate)) if params.frame_rate else probe(video)
    if not (params.deinterlace and clip.is_interlaced):
        return clip
    settled = INTERLACED.format(clip.path.name)
    return replace(clip, is_deinterlaced=True, warnings=tuple(line for line in clip.warnings if line != settled))
