"""What becomes of the tracks of a source beside its picture: copied, encoded anew or left out. Decided before any work.

A track is copied if the output's container holds it. Audio that it does not hold is encoded anew: as AAC, or without
loss where the picture is lossless and in Matroska. Subtitles of text become those that the container knows. What cannot
be decoded, or is neither, is left out. All but copies have a warning.

Matroska holds what AVI and WAV hold, but its muxer does not tell PyAV so, which then refuses. FFmpeg's muxer `tee`,
which hands all on to others, is not asked; it carries no chapters, so a source that has some gets FLAC instead.
"""

import io
import itertools
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from storage.errors import InputError
from storage.media.codecs import CODECS, CONTAINERS, Output
from storage.media.tracks.subtitles import subtitle_encoder
from storage.media.video.decoding import DEMUXERS, OPEN_OPTIONS, reason_of

TRACK_FILES = f"{DEMUXERS},wav,mp3,flac,aac,aiff"  # audio may also come without a picture
LOSSLESS_AUDIO, LOSSY_AUDIO = ("flac", "alac", "aac"), ("aac",)  # the first that the container holds
PACKETS_TRIED = 50  # of a track that is to be encoded anew, until one decodes
CHANNEL_LAYOUTS = {1: "mono", 2: "stereo"}  # for files that only count their channels
REFUSED = (ValueError, FFmpegError, MemoryError)


@dataclass(frozen=True)
class Track:
    """One track that the output gets."""

    index: int
    """Of the stream in the source."""
    action: Literal["copy", "encode"]
    encoder: str = ""
    """FFmpeg's name of the encoder, for tracks that are encoded anew."""


@dataclass(frozen=True)
class TrackPlan:
    """The tracks of an output beside its picture."""

    tracks: tuple[Track, ...] = ()
    warnings: tuple[str, ...] = ()
    """One line for each track that is not copied."""
    through_tee: bool = False
    """Whether some are copied that only the muxer behind tee takes."""


def plan_tracks(source: Path, output: Output, *, with_audio: bool = True) -> TrackPlan:
    """Decide what becomes of each track of a file. Reads headers, and a little of what must be encoded anew.

    Raises: InputError if the file cannot be read.
    """
    muxer = CONTAINERS[output.container].muxer
    if not muxer:
        return _without_tracks(source) if with_audio else TrackPlan()
    tracks, warnings, through_tee = [], [], False
    with open_tracks(source) as container:
        for stream in _beside_picture(container):
            if stream.type == "audio" and not with_audio:
                continue
            if can_copy(stream, source, muxer):
                tracks.append(Track(stream.index, "copy"))
            elif _copies_through_tee(stream, source, muxer) and not container.chapters():
                tracks.append(Track(stream.index, "copy"))
                through_tee = True
            else:
                encoder = _encoder_for(stream, source, output)
                warnings.append(_warning(stream, source, output, encoder))
                if encoder:
                    tracks.append(Track(stream.index, "encode", encoder))
    return TrackPlan(tuple(tracks), tuple(warnings), through_tee)


def _warning(stream: Stream, source: Path, output: Output, encoder: str) -> str:
    """Say what becomes of a track that is not copied."""
    container = CONTAINERS[output.container]
    what = f"{source.name}: {_describe(stream)} does not go into {container.suffixes[0]} files"
    if encoder and stream.type == "audio":
        return f"{what}: encoded as {encoder.upper()}; encode.audio=false leaves all audio out"
    other = "" if container.muxer == "matroska" else "; an .mkv file may hold it"
    if encoder:
        return f"{what}: converted to {encoder.upper()}, text and plain styles are kept{other}"
    return f"{what}{'; it cannot be decoded either' if stream.type == 'audio' else ''}: left out{other}"


@contextmanager
def open_tracks(path: Path) -> Iterator[InputContainer]:
    """An open media file, which need not hold a picture. Raises InputError if it cannot be read."""
    options = {**OPEN_OPTIONS, "format_whitelist": TRACK_FILES}
    try:
        container = av.open(str(path.absolute()), "r", options=options, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: the audio cannot be read ({reason_of(error)}); give a media file") from None
    with container:
        yield container


def can_copy(stream: Stream, source: Path, muxer: str) -> bool:
    """Tell whether a format takes a stream as it is, by writing a file that holds it alone.

    Audio and data may be refused as late as with a packet or at the end of the file, so these are tried with a packet.
    """
    if stream.type == "attachment":
        return muxer == "matroska"  # alone, it makes no file
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as trial:
            _try_copy(trial, stream, source)
    except REFUSED:
        return False
    return True


def _copies_through_tee(stream: Stream, source: Path, muxer: str) -> bool:
    """Tell whether Matroska takes audio if the muxer is not asked beforehand."""
    if stream.type != "audio" or muxer != "matroska" or stream.codec_context is None:
        return False
    with tempfile.TemporaryDirectory(prefix="dfvi-") as folder:
        try:
            with av.open(tee_address(Path(folder) / "trial.mkv", muxer), "w", format="tee") as trial:
                _try_copy(trial, stream, source)
        except (*REFUSED, OSError):
            return False
    return True


def tee_address(path: Path, muxer: str, options: Mapping[str, str] | None = None) -> str:
    """Return what FFmpeg's muxer `tee` is given to write a file of a format."""
    settings = ":".join(f"{name}={value}" for name, value in {"f": muxer, **(options or {})}.items())
    return f"[{settings}]" + re.sub(r"([\\'|\s])", r"\\\1", str(path.absolute()))


def _try_copy(trial: OutputContainer, stream: Stream, source: Path) -> None:
    """Write the beginning of a track; raise one of REFUSED if that does not work."""
    copy = trial.add_stream_from_template(stream)
    trial.start_encoding()
    if stream.type in ("audio", "data"):
        for packet in _first_packets(source, stream.index, 1):
            packet.stream = copy
            trial.mux(packet)


def _first_packets(source: Path, index: int, count: int) -> "list[Packet[Any]]":
    """Return the first packets of a stream, read from the beginning of its file."""
    with open_tracks(source) as container, suppress(FFmpegError):
        packets = (packet for packet in container.demux(container.streams[index]) if packet.size)
        return list(itertools.islice(packets, count))
    return []


def audio_settings(stream: AudioStream, encoder: str) -> dict[str, Any]:
    """Return sample rate and channel layout with which an encoder takes a stream."""
    codec, context = av.Codec(encoder, "w"), stream.codec_context
    rates = codec.audio_rates or [context.sample_rate]
    rate = context.sample_rate if context.sample_rate in rates else min(rates, key=lambda r: abs(r - 48000))
    layout = context.layout.name
    if layout not in _known_layouts():
        layout = CHANNEL_LAYOUTS.get(context.layout.nb_channels, "stereo")
    return {"rate": rate, "layout": layout}


def _known_layouts() -> set[str]:
    return {"mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "5.0", "5.0(side)", "5.1", "5.1(side)", "7.1"}


def _without_tracks(source: Path) -> TrackPlan:
    with open_tracks(source) as container:
        audio = len(container.streams.audio)
    if not audio:
        return TrackPlan()
    return TrackPlan((), (f"{source.name}: a folder of images holds no audio: left out; name a video file to keep it",))


def _beside_picture(container: InputContainer) -> list[Stream]:
    """Return all streams but the picture that is read, and what goes along by itself: time code and chapters.

    MP4 and MOV hold the names of chapters in a track of text, which FFmpeg reads as both.
    """
    picture = container.streams.best("video")
    others = [stream for stream in container.streams if picture is None or stream.index != picture.index]
    return [stream for stream in others if not (stream.type == "data" and _goes_by_itself(stream, container))]


def _goes_by_itself(stream: Stream, container: InputContainer) -> bool:
    if "timecode" in stream.metadata:
        return True
    is_unknown_mp4 = stream.codec_context is None and "mp4" in container.format.name
    return is_unknown_mp4 and 0 < stream.frames == len(container.chapters())


def _encoder_for(stream: Stream, source: Path, output: Output) -> str:
    """Return the encoder for a track that is not copied; empty if the track is left out."""
    if isinstance(stream, SubtitleStream):
        return subtitle_encoder(stream, CONTAINERS[output.container].muxer)
    if not isinstance(stream, AudioStream) or not _decodes(stream, source):
        return ""
    muxer = CONTAINERS[output.container].muxer
    is_lossless = CODECS[output.codec].is_lossless or muxer == "matroska"  # which would take most kinds as they are
    wanted = LOSSLESS_AUDIO if is_lossless else LOSSY_AUDIO
    return next((encoder for encoder in wanted if _can_encode(stream, encoder, muxer)), "")


def _can_encode(stream: AudioStream, encoder: str, muxer: str) -> bool:
    try:
        with av.open(io.BytesIO(), "w", format=muxer) as trial:
            trial.add_stream(encoder, **audio_settings(stream, encoder))
            trial.start_encoding()
    except REFUSED:
        return False
    return True


def _decodes(stream: AudioStream, source: Path) -> bool:
    if stream.codec_context is None:
        return False
    with open_tracks(source) as container, suppress(FFmpegError):
        for packet in itertools.islice(container.demux(container.streams[stream.index]), PACKETS_TRIED):
            with suppress(FFmpegError):
                if packet.decode():
                    return True
    return False


def _describe(stream: Stream) -> str:
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    language = f", {stream.language}" if stream.language else ""
    kind: str = "further video" if isinstance(stream, VideoStream) else stream.type
    if stream.disposition & Disposition.attached_pic:
        kind = "cover image"
    return f"{kind} track {stream.index} ({codec}{language})"
