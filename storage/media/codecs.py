"""Which container and encoder an output path and a codec mean. Pure: touches no file."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from storage.errors import InputError
from storage.media.clip import BT709, RGB_MATRIX, UNSPECIFIED, Clip, ColourTags

Codec = Literal["h264", "h264-lossless", "ffv1", "png"]
LOSSLESS: tuple[Codec, ...] = ("h264-lossless", "ffv1", "png")

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
SUFFIXES: dict[Codec, tuple[str, ...]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "h264-lossless": (".mp4", ".m4v", ".mov", ".mkv"),
    "ffv1": (".mkv",),
    "png": ("",),
}
MAX_CRF = 51  # of x264


@dataclass(frozen=True)
class Output:
    """How a clip is written."""

    codec: Codec
    muxer: str
    """FFmpeg's name of the container; empty for a folder of images."""

    @property
    def is_lossless(self) -> bool:
        """Whether the file gives back every pixel bit for bit."""
        return self.codec in LOSSLESS


@dataclass(frozen=True)
class Encoder:
    """FFmpeg's encoder for a clip: its name, pixel format, options, and the colour tags to write."""

    name: str
    pixel_format: str
    options: dict[str, str]
    colour: ColourTags


def choose_output(path: str | os.PathLike[str], codec: str | None = None) -> Output:
    """Container by the path's suffix, codec as asked or the container's usual one (h264; png for a folder).

    A path without suffix is a folder of images.
    Raises: InputError for an unknown codec or suffix, or a codec that the container does not hold.
    """
    suffix = Path(path).suffix.lower()
    if codec is not None and codec not in get_args(Codec):
        raise InputError(f"codec {codec!r} is unknown; expected one of {', '.join(get_args(Codec))}")
    if suffix and suffix not in MUXERS:
        raise InputError(
            f"{path}: cannot write {suffix} files; expected {', '.join(MUXERS)}, or a name without suffix for a folder "
            "of PNG images"
        )
    chosen: Codec = codec or ("h264" if suffix else "png")  # type: ignore[assignment]  # checked above
    if suffix not in SUFFIXES[chosen]:
        fitting = ", ".join(each or "a folder (a name without suffix)" for each in SUFFIXES[chosen])
        raise InputError(f"{path}: codec {chosen} does not go into {suffix or 'a folder'}; expected {fitting}")
    return Output(chosen, MUXERS.get(suffix, ""))


def choose_encoder(codec: Codec, clip: Clip, quality: int) -> Encoder:
    """Encoder settings for a clip.

    quality : constant rate factor, 0 (best) to 51; lossless codecs do without.
    Raises  : InputError if quality is outside.

    YUV with halved chroma needs even sides; odd clips keep full chroma (yuv444p) instead of growing by a pixel.
    """
    if not 0 <= quality <= MAX_CRF:
        raise InputError(f"quality {quality}; expected a constant rate factor from 0 (best) to {MAX_CRF}")
    is_even = clip.height % 2 == 0 and clip.width % 2 == 0
    yuv, rgb = "yuv420p" if is_even else "yuv444p", _rgb_tags(clip)
    encoders = {
        "h264": Encoder("libx264", yuv, {"crf": str(quality), "preset": "medium"}, _yuv_tags(clip)),
        "h264-lossless": Encoder("libx264rgb", "rgb24", {"crf": "0", "preset": "medium"}, rgb),
        "ffv1": Encoder("ffv1", "bgr0", {"level": "3", "slicecrc": "1", "g": "1"}, rgb),
    }
    return encoders[codec]


def _yuv_tags(clip: Clip) -> ColourTags:
    """The source's tags, an absent one left absent; RGB without tags becomes plain BT.709.

    Full range becomes limited (16-235), and says so: swscale is biased by half a level of chroma when it writes the
    other.
    """
    source = clip.colour
    limited = None if source.full_range is None else False
    if source.matrix == RGB_MATRIX:
        known = {UNSPECIFIED: BT709}
        primaries, transfer = known.get(source.primaries, source.primaries), known.get(source.transfer, source.transfer)
        return ColourTags(primaries, transfer, BT709, full_range=False)
    matrix = 9 if source.matrix == 10 else source.matrix  # BT.2020 of constant luminance is read, and written, as plain
    return ColourTags(source.primaries, source.transfer, matrix, limited)


def _rgb_tags(clip: Clip) -> ColourTags:
    return ColourTags(clip.colour.primaries, clip.colour.transfer, RGB_MATRIX, full_range=True)
