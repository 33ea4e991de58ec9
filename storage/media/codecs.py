"""What we can write: the table of output codecs, and which of them an output path means. Touches no file.

To add a codec, add a row to CODECS. Bit depth, alpha and chroma follow from FFmpeg's names of the pixel formats.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from av import VideoFormat

from storage.errors import InputError
from storage.media.clip import BOTTOM_FIELDS_FIRST, BT709, RGB_MATRIX, UNSPECIFIED, Clip, ColourTags

HDR_TRANSFERS = (16, 18)  # H.273: PQ and HLG
MAX_CRF = 51  # of x264 and x265
FOLDER = "png"  # the "container" of numbered images


@dataclass(frozen=True)
class Container:
    """A kind of file, or the folder of images."""

    suffixes: tuple[str, ...]
    """Of file names, the usual one first."""
    muxer: str = ""
    """FFmpeg's name; empty for a folder."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of FFmpeg's muxer."""


@dataclass(frozen=True)
class OutputCodec:
    """One way of storing frames: where it goes, and FFmpeg's encoder for it."""

    containers: tuple[str, ...]
    """Names in CONTAINERS that hold it."""
    pixel_formats: tuple[str, ...]
    """FFmpeg's names; the first that loses least of a clip is taken."""
    encoder: str = ""
    """FFmpeg's name; empty for images, which are written one by one."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of FFmpeg's encoder."""
    tag: str = ""
    """Four letters by which MP4 and MOV call the codec, where players ask for others than FFmpeg's."""
    is_x264: bool = False
    """Whether x264 encodes, which has settings of its own; see _x264_settings."""
    smallest_side: int = 1
    """Pixels that each side of a frame must have at least."""
    is_x265: bool = False
    """Whether x265 encodes; see _x265_settings."""
    has_quality: bool = False
    """Whether it takes a constant rate factor; the others do without."""
    is_lossless: bool = False
    """Whether it gives back every pixel bit for bit."""


# With AVX-512, x264's macroblock tree (of core 165, at least) reads memory that nobody wrote: the same frames give
# another file each time. Without it the file is that of x264's plain C code. Every processor with AVX-512 has these.
WITHOUT_AVX512 = "MMX2,SSE2,SSE2Fast,LZCNT,SSSE3,SSE4.2,AVX,FMA3,BMI1,BMI2,AVX2"
SHORTEST_WITH_B_FRAMES = 3  # of x265: see _x265_settings
FASTSTART = {"movflags": "+faststart"}
CONTAINERS: Mapping[str, Container] = {
    "mp4": Container((".mp4", ".m4v"), "mp4", FASTSTART),
    "mov": Container((".mov",), "mov", FASTSTART),
    "mkv": Container((".mkv",), "matroska"),
    FOLDER: Container(("",)),
}
CODECS: Mapping[str, OutputCodec] = {
    "h264": OutputCodec(
        containers=("mp4", "mov", "mkv"),
        encoder="libx264",
        pixel_formats=("yuv420p", "yuv444p", "yuv420p10le", "yuv444p10le"),
        options={"preset": "medium"},
        is_x264=True,
        has_quality=True,
    ),
    "h264-lossless": OutputCodec(
        containers=("mp4", "mov", "mkv"),
        encoder="libx264rgb",
        pixel_formats=("rgb24",),
        options={"preset": "medium", "crf": "0"},
        is_x264=True,
        is_lossless=True,
    ),
    "ffv1": OutputCodec(
        containers=("mkv",),
        encoder="ffv1",
        pixel_formats=("bgr0", "bgra", "gbrp16le", "gbrap16le"),
        options={"level": "3", "slicecrc": "1", "g": "1"},
        is_lossless=True,
    ),
    "hevc": OutputCodec(
        containers=("mp4", "mov", "mkv"),
        encoder="libx265",
        pixel_formats=("yuv420p", "yuv444p", "yuv420p10le", "yuv444p10le"),
        options={"preset": "medium"},
        is_x265=True,
        smallest_side=72,  # x265 4.2 writes beyond its memory, or reads what nobody wrote, in some frames up to 64
        tag="hvc1",
        has_quality=True,
    ),
    "prores": OutputCodec(
        containers=("mov", "mkv"),
        encoder="prores_ks",
        pixel_formats=("yuv422p10le", "yuv444p10le", "yuva444p10le"),
    ),
    "png": OutputCodec(containers=(FOLDER,), pixel_formats=("rgb24", "rgba", "rgb48le", "rgba64le"), is_lossless=True),
}


@dataclass(frozen=True)
class Output:
    """How a clip is written: names in CODECS and CONTAINERS."""

    codec: str
    container: str

    @property
    def muxer(self) -> str:
        """FFmpeg's name of the container; empty for a folder of images."""
        return CONTAINERS[self.container].muxer


@dataclass(frozen=True)
class Encoder:
    """FFmpeg's encoder for a clip: its name, pixel format, options, and the colour tags to write."""

    name: str
    pixel_format: str
    options: dict[str, str]
    colour: ColourTags
    tag: str = ""
    """Four letters by which MP4 and MOV call the codec; empty for FFmpeg's choice."""


def choose_output(path: str | os.PathLike[str], codec: str | None = None) -> Output:
    """Return the container by the path's suffix, with the codec asked for or the container's usual one.

    The usual codec is the first of CODECS that the container holds: h264, or png for a folder of images.
    Raises: InputError for an unknown codec or suffix, or a codec that the container does not hold.
    """
    if codec is not None and codec not in CODECS:
        raise InputError(f"codec {codec!r} is unknown; expected one of {', '.join(CODECS)}")
    container = container_of(path)
    chosen = codec or next(name for name, each in CODECS.items() if container in each.containers)
    if container not in CODECS[chosen].containers:
        fitting = ", ".join(
            suffix or "a folder (a name without suffix)"
            for name in CODECS[chosen].containers
            for suffix in CONTAINERS[name].suffixes
        )
        where = "a folder" if container == FOLDER else suffix_of(path)
        raise InputError(f"{path}: codec {chosen} does not go into {where}; expected {fitting}")
    return Output(chosen, container)


def container_of(path: str | os.PathLike[str]) -> str:
    """Return the name in CONTAINERS that a path's suffix means; no suffix means a folder of images.

    Raises: InputError for the suffix of a file that we cannot write.
    """
    suffix = suffix_of(path)
    for name, container in CONTAINERS.items():
        if suffix in container.suffixes:
            return name
    known = ", ".join(suffix for container in CONTAINERS.values() for suffix in container.suffixes if suffix)
    raise InputError(
        f"{path}: cannot write {suffix} files; expected {known}, or a name without suffix for a folder of PNG images"
    )


def suffix_of(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a path in small letters; what holds no letter, as in result_v1.5, is part of the name."""
    suffix = Path(path).suffix.lower()
    return suffix if re.search("[a-z]", suffix) else ""


def choose_encoder(codec: str, clip: Clip, quality: int, count: int | None = None) -> Encoder:
    """Return the settings of FFmpeg's encoder for a clip.

    codec   : name in CODECS of a codec that goes into a file.
    quality : constant rate factor, 0 (best) to 51; lossless codecs do without.
    count   : frames that will be written; None means all of the clip.
    Raises  : InputError if quality is outside, or the frames are too small for the codec.

    YUV with halved chroma needs even sides; odd clips keep full chroma (yuv444p) instead of growing by a pixel.
    """
    if not 0 <= quality <= MAX_CRF:
        raise InputError(f"quality {quality}; expected a constant rate factor from 0 (best) to {MAX_CRF}")
    chosen = CODECS[codec]
    if min(clip.height, clip.width) < chosen.smallest_side:
        raise InputError(
            f"codec {codec} takes frames of at least {chosen.smallest_side} pixels a side; got {clip.width}x"
            f"{clip.height}; choose another codec"
        )
    pixel_format = choose_pixel_format(chosen, clip)
    options = dict(chosen.options) | ({"crf": str(quality)} if chosen.has_quality else {})
    if chosen.is_x264 and (settings := _x264_settings(clip)):
        options["x264-params"] = settings
    if chosen.is_x265:
        options["x265-params"] = _x265_settings(clip, clip.frame_count if count is None else count)
    tags = _rgb_tags(clip) if VideoFormat(pixel_format).is_rgb else _yuv_tags(clip)
    if loses_hdr(pixel_format, clip):
        tags = replace(tags, transfer=UNSPECIFIED)
    return Encoder(chosen.encoder, pixel_format, options, tags, chosen.tag)


def _x264_settings(clip: Clip) -> str:
    """Return settings of x264 that FFmpeg has no option of its own for."""
    settings = []
    if clip.is_interlaced and clip.height % 4 == 0:  # two fields of even height
        settings.append("bff=1" if clip.field_order in BOTTOM_FIELDS_FIRST else "tff=1")
    if _has_avx512():
        settings.append(f"asm={WITHOUT_AVX512}")
    return ":".join(settings)


def _x265_settings(clip: Clip, count: int) -> str:
    """Return settings of x265 that FFmpeg has no option of its own for.

    With B-frames, x265 reads the decoding times of clips of one or two frames where nobody wrote them.
    """
    settings = ["log-level=error", *(["bframes=0"] if count < SHORTEST_WITH_B_FRAMES else [])]
    if clip.is_interlaced:
        settings.append("interlace=bff" if clip.field_order in BOTTOM_FIELDS_FIRST else "interlace=tff")
    return ":".join(settings)


@cache
def _has_avx512() -> bool:
    """Tell whether the processor has AVX-512, as Linux tells it."""
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def choose_pixel_format(codec: OutputCodec, clip: Clip) -> str:
    """Return the pixel format of a codec that takes the clip's size and loses least of alpha and bits.

    Of several, the first with the fewest bits too many.
    """

    def loss(name: str) -> tuple[bool, int, bool, int]:
        has_alpha, surplus = keeps_alpha(name), bit_depth(name) - clip.bit_depth
        return clip.has_alpha and not has_alpha, max(0, -surplus), has_alpha and not clip.has_alpha, max(0, surplus)

    return min((name for name in codec.pixel_formats if _takes_size(VideoFormat(name), clip)), key=loss)


def bit_depth(pixel_format: str) -> int:
    """Return the bits of a channel of a pixel format."""
    return max(component.bits for component in VideoFormat(pixel_format).components)


def keeps_alpha(pixel_format: str) -> bool:
    """Tell whether a pixel format has a channel for alpha."""
    return any(component.is_alpha for component in VideoFormat(pixel_format).components)


def keeps_pixel_shape(output: Output) -> bool:
    """Tell whether an output says how wide a pixel is beside its height.

    MP4 and MOV say it themselves. PyAV cannot make Matroska say it; there the stream of x264 and x265 does.
    """
    codec = CODECS[output.codec]
    return output.container in ("mp4", "mov") or (output.container != FOLDER and (codec.is_x264 or codec.is_x265))


def loses_hdr(pixel_format: str, clip: Clip) -> bool:
    """Tell whether a clip of high dynamic range would be written with 8 bits, which no display takes for that."""
    return clip.bit_depth > 8 and bit_depth(pixel_format) == 8 and clip.colour.transfer in HDR_TRANSFERS


def kept_of(output: Output, clip: Clip) -> tuple[bool, bool]:
    """Return whether an output keeps more than 8 bits of a clip that has them, and alpha of one that has it."""
    pixel_format = choose_pixel_format(CODECS[output.codec], clip)
    return clip.bit_depth > 8 and bit_depth(pixel_format) > 8, clip.has_alpha and keeps_alpha(pixel_format)


def losses(output: Output, clip: Clip) -> list[str]:
    """Return a line for each thing of a clip's pixels that an output cannot hold, or that is filled more coarsely."""
    pixel_format = choose_pixel_format(CODECS[output.codec], clip)
    bits, lines = bit_depth(pixel_format), []
    better = "hevc, ffv1 (.mkv), prores (.mov) or a folder of images"
    if clip.bit_depth > 8 and bits == 8:
        hdr = ", and without its HDR curve's tag" if loses_hdr(pixel_format, clip) else ""
        lines.append(f"{clip.bit_depth} bits become 8 with {output.codec}{hdr}: not bit-exact; {better} keep more")
    elif clip.bit_depth > 8:
        lines.append(f"of {clip.bit_depth} bits {min(bits, clip.bit_depth)} are kept; what is filled in has steps of 8")
    if clip.has_alpha and not keeps_alpha(pixel_format):
        keepers = "ffv1 (.mkv), prores (.mov) or a folder of images"
        lines.append(f"the alpha channel is left out with codec {output.codec}; {keepers} keep it")
    if clip.sample_aspect_ratio != 1 and not keeps_pixel_shape(output):
        shape = f"{clip.sample_aspect_ratio.numerator}:{clip.sample_aspect_ratio.denominator}"
        where = "a folder of images" if output.container == FOLDER else f"{output.codec} in .{output.container}"
        lines.append(
            f"its pixels are {shape}, not square, which {where} does not say: it will look squeezed unless that is set "
            "by hand; .mp4, .mov and h264-lossless (.mkv) keep it"
        )
    return [f"{clip.path.name}: {line}" for line in lines]


def _takes_size(pixel_format: VideoFormat, clip: Clip) -> bool:
    """Tell whether the sides of a clip are multiples of the pixels that share one chroma value."""
    across, down = 2 // pixel_format.chroma_width(2), 2 // pixel_format.chroma_height(2)
    return clip.width % across == 0 and clip.height % down == 0


def _yuv_tags(clip: Clip) -> ColourTags:
    """Return the source's tags, an absent one left absent; RGB without tags becomes plain BT.709.

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
