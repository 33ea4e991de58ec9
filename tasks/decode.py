"""Decoding: frames and holes of a video. Media files in, store out."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from dfvi_models.numerics.holes import dilate_by_disc
from dfvi_models.numerics.ordered_map import ordered_map
from storage.cache import array_layout
from storage.cache.stage_store import StageStore
from storage.errors import InputError
from storage.media.clip import Clip, check_range
from storage.media.image_folder import list_images
from storage.media.masks.alpha import AlphaMask
from storage.media.masks.holes import read_holes
from storage.media.masks.parsing import parse_mask
from storage.media.reading import content_digest, probe, read_frames
from storage.media.video_probe import INTERLACED
from tasks.stage.cached_stage import Job, StageParams, stage
from tasks.stage.read_again import ClipReadAgain
from tasks.stage.write_behind import write_behind

FRAME_RATE = re.compile(r"\d{1,9}(\.\d{1,9})?|\d{1,9}/(?!0+$)\d{1,9}")  # Fraction would compute 1e99999999
MOST_MASKED = 0.8  # share of all pixels beyond which a mask is rarely meant


class DecodeParams(StageParams):
    """Which frames are taken, and what counts as hole."""

    start: int = Field(0, ge=0)
    """First frame taken."""
    stop: int | None = Field(None, ge=1)
    """Frame after the last one taken; null takes all."""
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
    clip = _clip(video, params)
    stop = check_range(clip, params.start, params.stop)
    count = stop - params.start
    wanted = out.create(
        frames=array_layout.frames(count, clip.height, clip.width),
        holes=array_layout.holes(count, clip.height, clip.width),
    )
    if job.keep == "result":
        out.is_dropped = True
        counts = _hole_sizes(out, clip, mask, params, job.threads)
    else:
        counts = _write(out, clip, mask, params, wanted, job.threads)
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
    out.attributes.update({"clip": clip.to_json(), "start": params.start, "stop": stop, "frames": count})
    out.attributes["mask_is_alpha"] = AlphaMask() in parse_mask(mask).parts
    out.attributes.update({"hole_pixels": sum(counts), "largest_hole": max(counts)})


def read_again(out: StageStore, *, video: str, mask: str, params: DecodeParams, job: Job) -> ClipReadAgain:
    """Return the clip as a reader of all its frames sees it where they are not stored."""
    if out.manifest is None:
        raise ValueError("only a finished result is read again")
    shapes = out.manifest.arrays
    clip, count = _clip(video, params), shapes["frames"][0]

    def decode_from(first: int) -> Iterator[dict[str, NDArray[Any]]]:
        for _, frame, hole in _decoded(clip, mask, params, range(first, count), job.threads):
            yield {"frames": frame, "holes": hole}

    return ClipReadAgain(shapes, out.attributes, decode_from, held=4 * job.threads + 4)


def write_items(
    out: StageStore, first: int, stop: int, *, video: str, mask: str, params: DecodeParams, job: Job
) -> None:
    """Write frames first <= t < stop of a clip whose other frames are not stored."""
    if out.manifest is None:
        raise ValueError("only a finished result is written in parts")
    clip, (count, height, width) = _clip(video, params), out.manifest.arrays["holes"]
    layouts = {
        "frames": array_layout.frames(count, height, width),
        "holes": array_layout.holes(count, height, width),
    }
    wanted = [t for t in out.create(**layouts) if first <= t < stop]
    _write(out, clip, mask, params, wanted, job.threads, known=False)


decode.read_again, decode.write_items = read_again, write_items


def _write(
    out: StageStore,
    clip: Clip,
    mask: str,
    params: DecodeParams,
    wanted: Sequence[int],
    threads: int,
    *,
    known: bool = True,
) -> list[int]:
    """Write the wanted items, and return the sizes of all holes; `known`: also of those that were there."""
    there = sorted(set(range(len(out["holes"]))) - set(wanted)) if known else []
    sizes = [int(np.count_nonzero(out["holes"][t])) for t in there]
    with write_behind(out) as write:
        for t, frame, hole in _decoded(clip, mask, params, wanted, threads):
            write(t, frames=frame, holes=hole)
            sizes.append(int(np.count_nonzero(hole)))
    return sizes


def _hole_sizes(out: StageStore, clip: Clip, mask: str, params: DecodeParams, threads: int) -> list[int]:
    """Return the sizes of all holes; the frames are read by those who need them."""
    stop = check_range(clip, params.start, params.stop)
    marked = marked_holes(params, mask, clip, params.start, stop)
    sizes = ordered_map(lambda hole: int(np.count_nonzero(dilate_by_disc(hole, params.dilation))), marked, threads)
    return list(out.count(sizes, 0))


def _decoded(
    clip: Clip, mask: str, params: DecodeParams, wanted: Sequence[int], threads: int
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.bool_]]]:
    """Yield frame number, frame and dilated hole of the wanted frames; files are decoded from the first of them on."""
    if not wanted:
        return iter(())
    start, stop = params.start + wanted[0], params.start + wanted[-1] + 1
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


def _clip(video: str, params: DecodeParams) -> Clip:
    clip = probe(video, rate=Fraction(params.frame_rate)) if params.frame_rate else probe(video)
    if not (params.deinterlace and clip.is_interlaced):
        return clip
    settled = INTERLACED.format(clip.path.name)
    return replace(clip, is_deinterlaced=True, warnings=tuple(line for line in clip.warnings if line != settled))
