"""Reading the frames of a video file with PyAV, as RGB or alpha."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from storage.errors import InputError
from storage.media.clip import MAX_PIXELS, RGB_MATRIX, Clip, check_range, check_size
from storage.media.video.container_size import lacks_index

# Playlists (hls, dash, concat) and image patterns are left out: they make one file name others.
DEMUXERS = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,obu,ivf,flv,asf,ogg,mxf,nut,gif,apng,yuv4mpegpipe,mjpeg"
)
# A damaged frame must be an error: without "explode" decoders paint something plausible over it.
DECODER_OPTIONS = {"err_detect": "crccheck+explode", "max_pixels": str(MAX_PIXELS)}
OPEN_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "max_pixels": str(MAX_PIXELS)}

# FFmpeg's own VP8/VP9 decoders drop the second stream that WebM keeps alpha in; libvpx reads it.
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
# swscale's fast path darkens every pixel by about one level and repeats chroma in blocks; this one is unbiased.
EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}  # H.273 matrix -> swscale's number for it


def video_frames(clip: Clip, start: int, stop: int | None, threads: int) -> Iterator[np.ndarray]:
    """Return frames start to stop of a video as (H, W, 3) uint8 RGB, upright; see storage.media.reading.read_frames."""
    return _convert(clip, start, stop, threads=threads, convert=_to_rgb(clip))


def upright_rgb(frame: VideoFrame, clip: Clip, t: int) -> np.ndarray:
    """Return a decoded frame t of a clip as video_frames gives it. Raises InputError if it is damaged."""
    return _upright(_to_rgb(clip)(_checked(frame, clip, t)), clip)


def _to_rgb(clip: Clip) -> Callable[[VideoFrame], np.ndarray]:
    matrix = _swscale_matrix(clip)
    source_range = ColorRange.JPEG if clip.colour.full_range else ColorRange.MPEG

    def to_rgb(frame: VideoFrame) -> np.ndarray:
        return frame.to_ndarray(
            format="rgb24",
            src_colorspace=matrix,
            src_color_range=source_range,
            interpolation=EXACT,
            threads=1,  # the decoder's threads run beside it; more here only fight with them
        )

    return to_rgb


def video_alpha(clip: Clip, start: int, stop: int | None, threads: int) -> Iterator[np.ndarray]:
    """Return alpha of frames start to stop of a video as (H, W) uint8, 255 = opaque, upright."""
    decoder = ALPHA_DECODERS.get(clip.codec)

    def to_alpha(frame: VideoFrame) -> np.ndarray:
        return frame.to_ndarray(format="rgba", threads=1)[..., 3]

    return _convert(clip, start, stop, threads=threads, convert=to_alpha, decoder=decoder)


def video_full_depth(clip: Clip, start: int, stop: int | None) -> Iterator[np.ndarray]:
    """Return frames start to stop of a video as (H, W, 3) uint16 RGB over the full range, upright.

    By way of planes: from 10-bit 4:2:0 to packed 16-bit RGB, swscale with these flags gives wrong colours.
    """
    matrix = _swscale_matrix(clip)
    source_range = ColorRange.JPEG if clip.colour.full_range else ColorRange.MPEG

    def to_rgb(frame: VideoFrame) -> np.ndarray:
        return frame.to_ndarray(
            format="gbrp16le", src_colorspace=matrix, src_color_range=source_range, interpolation=EXACT, threads=1
        )

    return _convert(clip, start, stop, threads=0, convert=to_rgb)


def _convert(
    clip: Clip,
    start: int,
    stop: int | None,
    *,
    threads: int,
    convert: Callable[[VideoFrame], np.ndarray],
    decoder: str | None = None,
) -> Iterator[np.ndarray]:
    end = check_range(clip, start, stop)
    t = 0
    with open_video(clip.path) as (container, stream):
        try:
            shown = decode(container, stream, threads=threads, decoder=decoder, leading=clip.leading_packets)
            for frame in _deinterlaced(shown, stream) if clip.is_deinterlaced else shown:
                if t >= start:
                    yield _upright(convert(_checked(frame, clip, t)), clip)
                t += 1
                if t == end:
                    return
        except FFmpegError as error:
            raise InputError(_damaged(clip, t, reason_of(error))) from None
    raise InputError(_damaged(clip, t, "the stream ends"))


def _deinterlaced(frames: Iterator[VideoFrame], stream: VideoStream) -> Iterator[VideoFrame]:
    """Return as many frames, made whole by FFmpeg's bwdif; those that are not interlaced stay as they are."""
    graph: av.filter.Graph | None = None
    for frame in frames:
        if graph is None:
            graph = av.filter.Graph()
            source = graph.add_buffer(template=stream, time_base=stream.time_base)
            graph.link_nodes(
                source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink")
            ).configure()
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _pulled(graph: av.filter.Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            frame = graph.pull()
        except (BlockingIOError, EOFError):
            return
        if isinstance(frame, VideoFrame):
            yield frame


def _checked(frame: VideoFrame, clip: Clip, t: int) -> VideoFrame:
    if frame.is_corrupt:
        raise InputError(_damaged(clip, t, "its data is incomplete"))
    stored = (clip.width, clip.height) if clip.rotation % 180 else (clip.height, clip.width)
    if (frame.height, frame.width) != stored:
        raise InputError(
            f"{clip.path}: frame {t} is {frame.width}x{frame.height}, the first one {stored[1]}x{stored[0]}; "
            f"export the video with one size, or keep the frames before with --set decode.stop={t}"
        )
    return frame


def _damaged(clip: Clip, t: int, reason: str) -> str:
    advice = f"keep the frames before with --set decode.stop={t}" if t else "export the video again"
    return f"{clip.path}: {t} of {clip.frame_count} frames decode, then {reason}; copy the file again, or {advice}"


def _upright(image: np.ndarray, clip: Clip) -> np.ndarray:
    if clip.mirrored:
        image = image[:, ::-1]
    return np.ascontiguousarray(np.rot90(image, -clip.rotation // 90))


@contextlib.contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file, and give it with the stream to read in it; the others are set to be skipped.

    Raises: InputError if the file is no video, has no moving pictures, or claims an absurd size.
    """
    try:
        container = av.open(str(path.absolute()), "r", options=OPEN_OPTIONS, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: {_why_not_video(path, error)}") from None
    with container:
        stream = container.streams.best("video")
        pictures = Disposition.attached_pic | Disposition.timed_thumbnails
        if not isinstance(stream, VideoStream) or stream.disposition & pictures:
            found = ", ".join(sorted({each.type for each in container.streams})) or "nothing"
            raise InputError(f"{path}: no video stream (found: {found}); give a file with moving pictures")
        if stream.codec_context is None:
            raise InputError(f"{path}: no decoder for its video; convert it to H.264 first")
        check_size(path, stream.codec_context.height, stream.codec_context.width)
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        yield container, stream


def _why_not_video(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "may not be read; check its permissions"
    if path.stat().st_size == 0:
        return "the file is empty; expected a video; copy it again"
    if lacks_index(path):
        return "truncated: its index (moov) is missing; copy it again or let the recorder finish it"
    return f"not a video file that can be read ({reason_of(error)}); expected MP4, MOV, MKV, WebM, AVI or the like"


def reason_of(error: Exception) -> str:
    """Return what an error of FFmpeg says, in one line."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0]


def _swscale_matrix(clip: Clip) -> int | None:
    if clip.colour.matrix == RGB_MATRIX:
        return None
    if clip.yuv_matrix not in SWSCALE_MATRICES:
        raise InputError(
            f"{clip.path}: colour matrix {clip.yuv_matrix} of H.273 cannot be read; expected one of "
            f"{sorted(SWSCALE_MATRICES)}; convert to BT.709 first"
        )
    return SWSCALE_MATRICES[clip.yuv_matrix]


def decode(
    container: InputContainer,
    stream: VideoStream,
    *,
    threads: int,
    decoder: str | None = None,
    leading: int = 0,
    options: Mapping[str, str] = DECODER_OPTIONS,
) -> Iterator[VideoFrame]:
    """Return frames in order of showing. On a fault the frames already inside the decoder still come, then the error.

    leading : packets after the first key frame that are passed over; see Clip.leading_packets.
    options : of the decoder.
    """
    context: Any = stream.codec_context
    if decoder is not None:
        context = av.CodecContext.create(decoder, "r")
    context.options = dict(options)
    context.thread_count = threads
    context.thread_type = "AUTO"
    try:
        since_key = None if leading else leading + 1
        for packet in container.demux(stream):
            if since_key is not None:
                since_key += 1
            elif packet.is_keyframe:
                since_key = 0
            if since_key is not None and 0 < since_key <= leading and packet.size:
                continue
            yield from context.decode(packet if packet.size else None)
    except FFmpegError:
        with contextlib.suppress(FFmpegError):
            yield from context.decode(None)
        raise
