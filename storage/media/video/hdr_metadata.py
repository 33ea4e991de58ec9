"""What a source of high dynamic range says about the display it was graded on, and how bright it gets.

Players map its brightness to their display by these numbers (SMPTE ST 2086, CTA-861.3). H.264 and HEVC carry them in
their stream, so they survive in any container.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from av.error import FFmpegError
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.codecs import CODECS, HDR_TRANSFERS, Encoder, Output, bit_depth, choose_pixel_format
from storage.media.tracks.plan import open_tracks

MASTERING = struct.Struct("=22i")  # FFmpeg's AVMasteringDisplayMetadata: ten fractions and two flags
LIGHT = struct.Struct("=2I")  # AVContentLightMetadata
CHROMATICITY, LUMINANCE = 50000, 10000  # steps in which both encoders want them, of 1 and of a candela per square metre
DYNAMIC = {Type.DYNAMIC_HDR_PLUS: "HDR10+", Type.DOVI_METADATA: "Dolby Vision", Type.DYNAMIC_HDR_VIVID: "HDR Vivid"}


class _Names(NamedTuple):
    """What an encoder calls its settings, and FFmpeg's option that takes them."""

    option: str
    mastering: str
    light: str


SETTINGS = {
    "libx265": _Names("x265-params", "master-display", "max-cll"),
    "libx264": _Names("x264-params", "mastering-display", "cll"),
}


@dataclass(frozen=True)
class HdrMetadata:
    """Numbers about a whole clip, as its first frame gives them; None where it does not."""

    mastering: tuple[int, ...] | None = None
    """x and y of red, green, blue and white in CHROMATICITY steps, least and greatest luminance in LUMINANCE steps."""
    light: tuple[int, int] | None = None
    """The brightest pixel, and the mean of the brightest frame, in candela per square metre."""
    dynamic: tuple[str, ...] = ()
    """Kinds of numbers that change from frame to frame, which nothing here writes."""

    def settings(self, encoder: str) -> list[str]:
        """Return settings of libx265 or libx264 that write the numbers; none for other encoders."""
        if encoder not in SETTINGS:
            return []
        names, settings = SETTINGS[encoder], []
        if self.mastering:
            red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y, least, most = self.mastering
            settings.append(
                f"{names.mastering}=G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
                f"WP({white_x},{white_y})L({most},{least})"
            )
        if self.light:
            settings.append(f"{names.light}={self.light[0]},{self.light[1]}")
        return settings


def read_hdr_metadata(clip: Clip) -> HdrMetadata:
    """Return what the first frame of a video of high dynamic range says; of all else, nothing."""
    if clip.kind != "video" or clip.colour.transfer not in HDR_TRANSFERS:
        return HdrMetadata()
    frame = _first_frame(clip.path)
    if frame is None:
        return HdrMetadata()
    data: Any = frame.side_data  # whose type stub says that its keys are texts
    mastering, light = data.get(Type.MASTERING_DISPLAY_METADATA), data.get(Type.CONTENT_LIGHT_LEVEL)
    brightest, mean = LIGHT.unpack_from(bytes(light)) if light else (0, 0)
    return HdrMetadata(
        _mastering(bytes(mastering)) if mastering else None,
        (brightest, mean) if light else None,
        tuple(name for kind, name in DYNAMIC.items() if data.get(kind)),
    )


def with_hdr_metadata(encoder: Encoder, clip: Clip) -> Encoder:
    """Return an encoder that writes the numbers of a clip, if it can and keeps more than 8 bits."""
    if bit_depth(encoder.pixel_format) == 8 or encoder.name not in SETTINGS:
        return encoder
    option = SETTINGS[encoder.name].option
    settings = ":".join(filter(None, [encoder.options.get(option), *read_hdr_metadata(clip).settings(encoder.name)]))
    return replace(encoder, options=encoder.options | ({option: settings} if settings else {}))


def hdr_losses(output: Output, clip: Clip) -> list[str]:
    """Return a line for each of these numbers that an output does not get."""
    metadata, codec = read_hdr_metadata(clip), CODECS[output.codec]
    if bit_depth(choose_pixel_format(codec, clip)) == 8:
        return []  # which is told, and carries no tag of high dynamic range either
    lines = []
    if (metadata.mastering or metadata.light) and not metadata.settings(codec.encoder):
        lines.append(f"mastering display and light levels do not go along with {output.codec}; hevc and h264 keep them")
    if metadata.dynamic:
        lines.append(f"{' and '.join(metadata.dynamic)} metadata, which change from frame to frame, are left out")
    return [f"{clip.path.name}: {line}" for line in lines]


def _first_frame(path: Path) -> VideoFrame | None:
    with suppress(FFmpegError, InputError, IndexError), open_tracks(path) as container:
        return next(container.decode(container.streams.best("video")), None)  # type: ignore[return-value]
    return None


def _mastering(data: bytes) -> tuple[int, ...] | None:
    """Return the numbers in the encoders' steps; None unless all are there."""
    if len(data) < MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance and all(numbers[1::2])):
        return None
    values = [Fraction(n, d) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    steps: Sequence[int] = [CHROMATICITY] * 8 + [LUMINANCE] * 2
    return tuple(round(value * step) for value, step in zip(values, steps, strict=True))
