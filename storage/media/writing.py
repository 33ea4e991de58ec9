"""The door to media that go out: a video file with its tracks, or a folder of images. Finished files appear at once."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from storage.backends.atomic_write import appears_when_complete
from storage.errors import InputError
from storage.media.clip import RGB_MATRIX, UNSPECIFIED, Clip, check_range, find_source
from storage.media.codecs import CONTAINERS, Encoder, Output, choose_encoder, choose_output, losses
from storage.media.tracks.copying import Tracks
from storage.media.tracks.plan import TrackPlan, plan_tracks, tee_address
from storage.media.video.decoding import reason_of
from storage.media.video.hdr_metadata import hdr_losses, with_hdr_metadata

__all__ = ["choose_output", "foresee_losses", "write_image", "write_images", "write_video"]

# RGB -> YUV without bias. Chroma sits left of the pixel pairs, where H.264 decoders take it to be; PyAV's
# own reformat puts it in the middle, which moves colours by a quarter pixel each time a clip is written.
EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp:out_chroma_loc=left:out_range=tv"
MATRIX_NAMES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
INPUT_FORMATS = {(3, "uint8"): "rgb24", (4, "uint8"): "rgba", (3, "uint16"): "rgb48le", (4, "uint16"): "rgba64le"}
"""Channels and type of frames -> FFmpeg's name."""
DIGITS = 5  # of the frame number in a file name


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    clip: Clip,
    *,
    codec: str | None = None,
    quality: int = 18,
    tracks_from: str | os.PathLike[str] | None = None,
    with_audio: bool = True,
    start: int = 0,
    stop: int | None = None,
    threads: int = 0,
) -> int:
    """Write frames start to stop of a clip as a video; returns how many.

    frames     : (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16, as many as the range has, of the clip's size.
    clip       : gives time, colour tags and pixel shape; frames are upright, so no rotation is written.
    codec      : see choose_output; None takes the container's usual one.
    quality    : constant rate factor of h264, 0 (best) to 51.
    tracks_from: file whose tracks beside the picture go along as plan_tracks decides, with chapters and tags; a part
                 of the clip gets the packets that overlap its time.
    with_audio : False leaves its audio out.
    Raises     : InputError if the path or codec do not fit, the audio cannot be read, or the folder cannot be written
                 to; ValueError for frames of another size or number; OSError if writing fails (a full disk).

    The file appears under its name when it is complete and on disk, never before.
    """
    target = Path(path)
    output_kind = choose_output(target, codec)
    if not output_kind.muxer:
        raise InputError(f"{target}: a folder of images is no video file; give a name ending in .mp4, .mov or .mkv")
    if target.is_dir():
        raise InputError(f"{target}: a folder has this name; choose another name or remove it")
    end = check_range(clip, start, stop)
    encoder = with_hdr_metadata(choose_encoder(output_kind.codec, clip, quality, end - start), clip)
    source = None if tracks_from is None else find_source(tracks_from)
    plan = plan_tracks(source, output_kind, with_audio=with_audio) if source else TrackPlan()
    clock = _Clock(clip, start, keep_lead=bool(plan.tracks) and start == 0)
    with contextlib.ExitStack() as stack:
        tracks = stack.enter_context(_trimmed_tracks(source, plan, clip, start, end)) if source else None
        partial = stack.enter_context(appears_when_complete(target))
        output = stack.enter_context(_open_output(partial, target, output_kind.container, plan))
        stream = _add_picture(output, encoder, clip, clock, threads)
        if tracks:
            tracks.add_to(output)
        _start(output, target)
        if tracks:
            tracks.start()
        written = _encode(output, stream, tracks, _coded(frames, clip, encoder, clock, end - start))
    return written


def foresee_losses(clip: Clip, output: Output, *, with_audio: bool = True) -> list[str]:
    """Return a line for each thing of a clip that an output does not get as it is: of its pixels and its tracks."""
    lines = losses(output, clip)
    if clip.kind == "video":
        lines += [*hdr_losses(output, clip), *plan_tracks(clip.path, output, with_audio=with_audio).warnings]
    return lines


class _Clock:
    """Time stamps of the output: ticks of time_base for the frames from start on."""

    def __init__(self, clip: Clip, start: int, *, keep_lead: bool) -> None:
        self.clip, self.start = clip, start
        lead = clip.start_time if keep_lead else Fraction(0)  # audio that begins before the picture
        if clip.pts is not None:
            self.time_base = clip.time_base
        else:
            self.time_base = _common_tick(1 / clip.rate, lead)
        self.lead = round(lead / self.time_base)

    def ticks(self, i: int) -> int:
        """Return the tick at which the i-th written frame is shown."""
        seconds = self.clip.time_of(self.start + i) - self.clip.time_of(self.start)
        return self.lead + round(seconds / self.time_base)


def _common_tick(frame: Fraction, lead: Fraction) -> Fraction:
    """Return the longest tick that divides both times; a 64th of a frame where that is too fine for a container."""
    if not lead:
        return frame
    tick = Fraction(
        gcd(frame.numerator * lead.denominator, lead.numerator * frame.denominator),
        frame.denominator * lead.denominator,
    )
    return tick if tick.denominator < 2**24 else frame / 64


def _trimmed_tracks(path: Path, plan: TrackPlan, clip: Clip, start: int, end: int) -> Tracks:
    begins = clip.start_time + clip.time_of(start) if start else None
    ends = clip.start_time + clip.time_of(end) if end < clip.frame_count else None
    return Tracks(path, plan, begin=begins, end=ends, shift=-begins if begins is not None else Fraction(0))


@contextlib.contextmanager
def _open_output(partial: Path, target: Path, container: str, plan: TrackPlan) -> Iterator[OutputContainer]:
    kind = CONTAINERS[container]
    options = {"fflags": "+bitexact", **kind.options}  # no random identifiers: the same frames give the same file
    try:
        partial.touch()  # an unwritable place is the user's error, a failure later the machine's
        if plan.through_tee:
            output = av.open(tee_address(partial, kind.muxer, options), "w", format="tee", options=options)
        else:
            output = av.open(str(partial.absolute()), "w", format=kind.muxer, options=options)
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({reason_of(error)}); check the folder and its rights") from None
    try:
        yield output
    except BaseException:
        with contextlib.suppress(FFmpegError, ValueError):
            output.close()
        raise
    output.close()


def _add_picture(output: OutputContainer, encoder: Encoder, clip: Clip, clock: _Clock, threads: int) -> VideoStream:
    stream = output.add_stream(
        encoder.name, rate=clip.rate, options=encoder.options, width=clip.width, height=clip.height
    )
    if not isinstance(stream, VideoStream):
        raise TypeError(f"{encoder.name} is no encoder of pictures")
    context = stream.codec_context
    context.pix_fmt = encoder.pixel_format
    context.time_base = clock.time_base
    context.thread_count = threads
    if output.format.name == "tee":  # which does not say what Matroska wants
        context.flags |= Flags.global_header
    if clip.is_interlaced:
        context.field_order = clip.field_order
    if encoder.tag and output.format.name in ("mp4", "mov"):
        context.codec_tag = encoder.tag
    context.sample_aspect_ratio = clip.sample_aspect_ratio
    context.color_primaries = encoder.colour.primaries
    context.color_trc = encoder.colour.transfer
    context.colorspace = encoder.colour.matrix
    context.color_range = _range_tag(encoder)
    return stream


def _range_tag(encoder: Encoder) -> ColorRange:
    tags = {None: ColorRange.UNSPECIFIED, False: ColorRange.MPEG, True: ColorRange.JPEG}
    return tags[encoder.colour.full_range]


def _start(output: OutputContainer, target: Path) -> None:
    try:
        output.start_encoding()
    except FFmpegError as error:
        raise InputError(
            f"{target}: this container does not take these streams ({reason_of(error)}); write an .mkv file"
        ) from None


def _coded(
    frames: Iterable[np.ndarray], clip: Clip, encoder: Encoder, clock: _Clock, count: int
) -> Iterator[VideoFrame]:
    """Return frames in the encoder's pixel format with their time stamps; exactly count of them."""
    convert = Converter(clip, encoder)
    number = 0
    for number, frame in enumerate(frames, start=1):
        kind = INPUT_FORMATS.get((frame.shape[-1], frame.dtype.name))
        if frame.shape[:-1] != (clip.height, clip.width) or kind is None:
            expected = (clip.height, clip.width, 3)
            raise ValueError(f"frame {number - 1} must be {expected} uint8; got {frame.shape} {frame.dtype}")
        if number > count:
            raise ValueError(f"expected {count} frames to write, got more")
        coded = convert(VideoFrame.from_ndarray(np.ascontiguousarray(frame), kind))
        coded.color_primaries, coded.color_trc = encoder.colour.primaries, encoder.colour.transfer
        coded.pts, coded.time_base = clock.ticks(number - 1), clock.time_base
        coded.duration = clock.ticks(number) - coded.pts
        yield coded
    if number != count:
        raise ValueError(f"expected {count} frames to write, got {number}")


class Converter:
    """Converts RGB to the encoder's pixel format, with the colour matrix of its tags, or the clip's where untagged."""

    def __init__(self, clip: Clip, encoder: Encoder) -> None:
        """Convert frames of a clip for an encoder."""
        self.clip, self.encoder = clip, encoder
        self.graphs: dict[str, av.filter.Graph] = {}

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Return one frame as the encoder takes it."""
        if self.encoder.colour.matrix == RGB_MATRIX:
            return frame.reformat(format=self.encoder.pixel_format, threads=1)
        kind = frame.format.name
        if kind not in self.graphs:
            self.graphs[kind] = self._graph(kind)
        self.graphs[kind].push(frame)
        converted = self.graphs[kind].pull()
        if not isinstance(converted, VideoFrame):
            raise TypeError("the filter graph gave no picture")
        return converted

    def _graph(self, kind: str) -> av.filter.Graph:
        clip, tagged = self.clip, self.encoder.colour.matrix
        matrix = clip.yuv_matrix if tagged == UNSPECIFIED else tagged
        graph = av.filter.Graph()
        graph.link_nodes(
            graph.add_buffer(
                width=clip.width, height=clip.height, format=av.VideoFormat(kind), time_base=Fraction(1, 1000)
            ),
            graph.add("scale", f"{EXACT}:out_color_matrix={MATRIX_NAMES[matrix]}"),
            graph.add("format", f"pix_fmts={self.encoder.pixel_format}"),
            graph.add("buffersink"),
        ).configure()
        return graph


def _encode(output: OutputContainer, stream: VideoStream, tracks: Tracks | None, frames: Iterator[VideoFrame]) -> int:
    written = 0
    for frame in frames:
        if tracks:
            tracks.mux_until(output, Fraction(frame.pts or 0) * Fraction(frame.time_base or 0))
        output.mux(stream.encode(frame))
        written += 1
    output.mux(stream.encode())
    if tracks:
        tracks.mux_until(output, None)
    return written


def write_images(
    folder: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    start_number: int = 0,
    format: Literal["png", "jpg"] = "png",
) -> int:
    """Write frames as 00000.png, 00001.png, ... into a folder, made if need be; returns how many.

    frames : (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or (png) uint16; or (H, W) bool as black and white, uint8 as grey.
    format : png keeps every pixel; jpg is smaller (quality 95).
    Raises : InputError if the folder cannot be made or written to; OSError if writing fails later.

    Each file appears complete. Files of other names are left alone.
    """
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{target}: the folder cannot be made ({error.strerror}); choose another place") from None
    if not os.access(target, os.W_OK | os.X_OK):
        raise InputError(f"{target}: the folder may not be written to; check its permissions")
    number = 0
    for number, frame in enumerate(frames, start=1):
        with appears_when_complete(target / f"{start_number + number - 1:0{DIGITS}d}.{format}") as partial:
            partial.write_bytes(_encode_image(frame, format))
    return number


def write_image(path: Path, frame: np.ndarray) -> None:
    """Write one image as PNG; it appears complete, in the place of an older one.

    frame  : as in `write_images`.
    Raises : InputError if the name is not that of a PNG, or the file cannot be written. Links are followed.
    """
    if path.suffix.lower() != ".png":
        raise InputError(f"{path}: expected the name of a PNG image, such as frame.png")
    try:
        with appears_when_complete(Path(os.path.realpath(path))) as partial:
            partial.write_bytes(_encode_image(frame, "png"))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); check the folder and its rights") from None


def _encode_image(frame: np.ndarray, format: str) -> bytes:
    if frame.dtype == np.bool_:
        frame = frame.astype(np.uint8) * 255
    if frame.ndim == 3:
        frame = cv2.cvtColor(frame, cv2.COLOR_RGBA2BGRA if frame.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, 95] if format == "jpg" else []
    ok, data = cv2.imencode(f".{format}", frame, settings)
    if not ok:
        raise ValueError(f"OpenCV cannot write {frame.shape} {frame.dtype} as {format}")
    return bytes(data)
