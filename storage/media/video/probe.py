"""What a video file says of itself: frames, time stamps, rate, colour tags, orientation. Decodes one frame."""

import contextlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from storage.errors import InputError
from storage.media.clip import PROGRESSIVE, RGB_MATRIX, TOP_FIELD_FIRST, Clip, ColourTags, check_size
from storage.media.video.container_size import container_size, count_gif_frames
from storage.media.video.decoding import decode, open_video, reason_of

# (a, b, c, d) of a display matrix, by sign -> (degrees clockwise, mirrored first) that make the frame upright.
# The matrix (ISO/IEC 14496-12, tkhd) takes a stored point (p, q) to x = a p + c q, y = b p + d q.
ORIENTATIONS = {
    (1, 0, 0, 1): (0, False),
    (0, 1, -1, 0): (90, False),
    (-1, 0, 0, -1): (180, False),
    (0, -1, 1, 0): (270, False),
    (-1, 0, 0, 1): (0, True),
    (0, -1, -1, 0): (90, True),
    (1, 0, 0, -1): (180, True),
    (0, 1, 1, 0): (270, True),
}


HIDING_CODECS = ("vp8", "vp9")  # whose hidden frames are told from shown ones by their first byte
INTERLACED = (
    "{}: the video is interlaced: its frames stay woven of two fields, and are filled as if they were one; "
    "decode.deinterlace=true makes whole frames"
)


class _Times(NamedTuple):
    """Of one packet, in ticks."""

    pts: int | None
    dts: int | None
    duration: int
    is_key: bool


def probe_video(path: Path) -> Clip:
    """Return the facts of a video file. Reads every packet and decodes the first frame.

    Raises: InputError if the file is no video, has no frame, claims absurd sizes, or its first frame does not decode.
    """
    leading = _count_leading(path)
    with open_video(path) as (container, stream):
        packets = _scan(container, stream, leading)
        if not packets:
            raise InputError(f"{path}: no frame in the video stream; expected at least one; export the video again")
        clip = replace(_describe(path, container, stream, packets), leading_packets=leading)
    return _with_first_frame(clip, _first_frame(clip))


def time_stamps(clip: Clip) -> tuple[list[int], list[int]] | None:
    """Return the time stamps of all frames of a video file, and those of its key frames, both ascending, in ticks.

    None where they do not tell frames apart: some are missing, or stand twice.
    """
    with open_video(clip.path) as (container, stream):
        packets = _scan(container, stream, clip.leading_packets)
    stamps = sorted(packet.pts for packet in packets if packet.pts is not None)
    if len(stamps) < len(packets) or len(set(stamps)) < len(stamps):
        return None
    return stamps, sorted(packet.pts for packet in packets if packet.pts is not None and packet.is_key)


def _count_leading(path: Path) -> int:
    """Count the packets right after the first key frame whose frames come before it, if decoders do not show them.

    A stream that was cut at an open group of pictures begins so: the frames refer to others that are gone. In a closed
    group they are shown; only the decoder knows.
    """
    with open_video(path) as (container, stream):
        key, leading, has_later = None, 0, False
        with contextlib.suppress(FFmpegError):
            for packet in container.demux(stream):
                if key is None:
                    key = packet if packet.is_keyframe and packet.size else None
                elif not packet.size or key.pts is None or (packet.pts is not None and packet.pts > key.pts):
                    has_later = bool(packet.size)
                    break
                else:
                    leading += 1
        if key is None or key.pts is None or not (leading and has_later) or stream.codec_context.name in HIDING_CODECS:
            return 0
        first = key.pts
    with open_video(path) as (container, stream), contextlib.suppress(FFmpegError):
        for frame in decode(container, stream, threads=1, options={}):
            return leading if frame.pts is None or frame.pts >= first else 0
    return 0


def _is_hidden(packet: "Packet[VideoStream]", codec: str) -> bool:
    """Tell whether a packet only changes what later frames refer to.

    Source: VP8, RFC 6386 section 9.1; VP9 bitstream specification section 6.2 (uncompressed header) and annex B.
    """
    data = memoryview(packet)
    if codec == "vp8":
        return not data[0] & 0x10
    if codec != "vp9" or data[-1] & 0xE0 == 0xC0:  # several frames in one packet: one of them is shown
        return False
    profile_3 = data[0] & 0x30 == 0x30  # has one bit more before the flags
    bits = data[0] << 1 if profile_3 else data[0]
    shows_existing, shows = bits & 0x08, (bits & 0x02)
    return not shows_existing and not shows


def _scan(container: InputContainer, stream: VideoStream, leading: int) -> list[_Times]:
    """Return the times of the packets whose frames decoding will show, in order of decoding.

    Left out: what an edit list discards, what comes before the first key frame (no decoder shows it), frames that are
    hidden, `leading` packets after the first key frame, and a last packet that breaks off.
    """
    codec = stream.codec_context.name
    shown: list[_Times] = []
    first_key: int | None = None  # how many come before it
    last_is_whole, since_key = True, 0
    with contextlib.suppress(FFmpegError):  # what comes before a fault still counts
        for packet in container.demux(stream):
            if not packet.size:
                continue
            since_key += 1
            if packet.is_keyframe and first_key is None:
                first_key, since_key = len(shown), 0
            is_leading = first_key is not None and 0 < since_key <= leading
            if not (packet.is_discard or is_leading or _is_hidden(packet, codec)):
                shown.append(_Times(packet.pts, packet.dts, packet.duration or 0, bool(packet.is_keyframe)))
            last_is_whole = not packet.is_corrupt
    return shown[first_key or 0 : None if last_is_whole else -1]


def _describe(path: Path, container: InputContainer, stream: VideoStream, packets: list[_Times]) -> Clip:
    time_base = Fraction(stream.time_base or Fraction(1, 1000))
    pts = sorted(packet.pts for packet in packets if packet.pts is not None)
    if len(pts) < len(packets):
        pts = []  # AVI and raw streams: frames come at the stated rate
    found, promised = _count(path, stream, packets, pts, time_base)
    rates = [Fraction(r) for r in (stream.average_rate, stream.base_rate, stream.guessed_rate) if r]
    pts, warnings = _rising(path, pts)
    rate, varying = _fit_rate(pts[:found], rates, time_base)
    first = pts[0] * time_base if pts else Fraction(0)
    codec = stream.codec_context
    return Clip(
        path=path,
        kind="video",
        frame_count=promised,
        frames_found=found,
        height=codec.height,
        width=codec.width,
        rate=rate,
        time_base=time_base,
        pts=varying,
        start_time=max(Fraction(0), first - Fraction(container.start_time or 0, av.time_base)),
        sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1),
        codec=codec.codec.canonical_name,
        field_order=codec.field_order,
        has_audio=bool(container.streams.audio),
        has_alpha=stream.metadata.get("alpha_mode") == "1",
        warnings=warnings,
    )


def _count(
    path: Path, stream: VideoStream, packets: list[_Times], pts: list[int], time_base: Fraction
) -> tuple[int, int]:
    """Return (frames found, frames promised): they differ in a file that broke off or lost a part."""
    size = container_size(path)
    is_cut_off = size is not None and size > path.stat().st_size
    found = len(packets)
    if stream.codec_context.name == "gif" and is_cut_off:
        whole = count_gif_frames(path)
        if not whole:
            raise InputError(f"{path}: truncated: breaks off in its first frame; copy it again")
        return whole, whole + 1
    missing = _missing_at_end(stream, packets, pts, time_base)
    tolerated = 0 if stream.container.format.name == "mxf" else 1  # a length is less exact than a count
    if not (is_cut_off or missing > tolerated):
        return found, found
    last_dts = packets[-1].dts
    if pts and last_dts is not None:  # a frame shown after the last decoding time may follow one that is missing
        found = sum(p <= last_dts for p in pts)
    return found, max(found, stream.frames or found + max(1, missing))


def _missing_at_end(stream: VideoStream, packets: list[_Times], pts: list[int], time_base: Fraction) -> int:
    """Return how many frames a file lacks at its end, by what the stream says of its length.

    MXF has it in its header, Matroska as the tag DURATION="00:00:12.345".
    """
    if stream.container.format.name == "mxf" and stream.duration and stream.average_rate and time_base:
        return max(0, round(stream.duration * time_base * Fraction(stream.average_rate)) - len(packets))
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        length = Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds)
    except (KeyError, ValueError):
        return 0
    if len(pts) < 2:
        return 0
    mean = Fraction(pts[-1] - pts[0], len(pts) - 1)
    last = max(packet.duration for packet in packets if packet.pts == pts[-1])
    end = pts[-1] + max(mean, Fraction(last))
    return max(0, round((length / time_base - end) / mean)) if mean else 0


def _rising(path: Path, pts: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """Return time stamps in order, equal ones a tick apart, and a warning if there were any."""
    rising = list(pts)
    for t in range(1, len(pts)):
        rising[t] = max(pts[t], rising[t - 1] + 1)
    if rising == pts:
        return rising, ()
    t = next(t for t in range(1, len(pts)) if rising[t] != pts[t])
    return rising, (f"{path.name}: frames {t - 1} and {t} have the same time stamp: the second is shown a tick later",)


def _fit_rate(pts: list[int], rates: list[Fraction], time_base: Fraction) -> tuple[Fraction, tuple[int, ...] | None]:
    """Return a constant rate that explains every time stamp within rounding; else the mean rate, and the stamps.

    Containers round: 30000/1001 in Matroska's milliseconds is 0, 33, 67. One tick of error is rounding as long as
    a tick is short beside a frame.
    """
    if len(pts) < 2:
        return (rates[0] if rates else Fraction(24)), None
    ticks = np.array(pts, dtype=np.float64) - pts[0]
    for rate in rates:
        frame = float(1 / (rate * time_base))  # ticks a frame
        if np.abs(ticks - np.arange(len(pts)) * frame).max() <= min(1.0, frame / 4):
            return rate, None
    mean = Fraction(len(pts) - 1, pts[-1] - pts[0]) / time_base
    return mean.limit_denominator(1001), tuple(p - pts[0] for p in pts)


def _first_frame(clip: Clip) -> VideoFrame:
    reason = "the stream ends"
    with open_video(clip.path) as (container, stream):
        try:
            for frame in decode(container, stream, threads=1, leading=clip.leading_packets):
                return frame
        except FFmpegError as error:
            reason = reason_of(error)
    raise InputError(f"{clip.path}: not one of {clip.frame_count} frames decodes ({reason}); export the video again")


def _with_first_frame(clip: Clip, frame: VideoFrame) -> Clip:
    """Add what only a decoded frame knows: exact size, orientation, colour tags, pixel format."""
    check_size(clip.path, frame.height, frame.width)
    rotation, mirrored = _orientation(clip.path, frame)
    height, width = frame.height, frame.width
    aspect = clip.sample_aspect_ratio
    if rotation % 180:
        height, width, aspect = width, height, 1 / aspect
    name = frame.format.name
    has_alpha = clip.has_alpha or any(component.is_alpha for component in frame.format.components)
    colour = ColourTags(frame.color_primaries, frame.color_trc, frame.colorspace, _full_range(frame))
    if frame.format.is_rgb:
        colour = replace(colour, matrix=RGB_MATRIX)
    return replace(
        clip,
        height=height,
        width=width,
        sample_aspect_ratio=aspect,
        rotation=rotation,
        mirrored=mirrored,
        colour=colour,
        pixel_format=name,
        has_alpha=has_alpha,
        bit_depth=max((component.bits for component in frame.format.components), default=8),
        field_order=max(clip.field_order, TOP_FIELD_FIRST) if frame.interlaced_frame else PROGRESSIVE,
        warnings=(*clip.warnings, *([INTERLACED.format(clip.path.name)] if frame.interlaced_frame else [])),
    )


def _full_range(frame: VideoFrame) -> bool | None:
    if frame.format.name.startswith("yuvj") or frame.format.is_rgb:
        return True
    return {ColorRange.MPEG: False, ColorRange.JPEG: True}.get(ColorRange(frame.color_range))


def _orientation(path: Path, frame: VideoFrame) -> tuple[int, bool]:
    """Return (degrees clockwise, mirrored first) that make the frame upright, from its display matrix."""
    side_data: Any = frame.side_data  # PyAV's stub names its keys in a way mypy cannot follow
    if "DISPLAYMATRIX" not in side_data:
        return 0, False
    sign = np.sign(np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), "<i4"))
    signs = (int(sign[0]), int(sign[1]), int(sign[3]), int(sign[4]))
    if signs not in ORIENTATIONS:
        raise InputError(f"{path}: turned by an angle that is no multiple of 90 degrees; turn it upright first")
    return ORIENTATIONS[signs]
