"""The tracks of a source beside its picture on their way into another file, trimmed to a span of time."""

import contextlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from storage.media.tracks.plan import Track, TrackPlan, audio_settings, open_tracks
from storage.media.tracks.subtitles import SubtitleConverter, add_subtitles

AHEAD = Fraction(1, 2)  # seconds that tracks are handed over before the picture they go with
STREAM_TAGS = ("language", "title", "filename", "mimetype")
PICTURE_TAGS = ("timecode", "language", "title")
FILE_TAGS_LEFT_OUT = ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")  # of the old file


class _Timed(NamedTuple):
    """A packet of the output, and when it is due in seconds on the output's clock."""

    seconds: Fraction
    packet: "Packet[Any]"


class Tracks:
    """The tracks of a file on their way into another one.

    begin, end : seconds on the source's clock (0 = its start) outside which packets are left out; None = no limit.
    shift      : seconds added to every time.
    """

    def __init__(
        self, path: Path, plan: TrackPlan, *, begin: Fraction | None, end: Fraction | None, shift: Fraction
    ) -> None:
        self.plan, self.begin, self.end, self.shift = plan, begin, end, shift
        self._closing = contextlib.ExitStack()
        self.source = self._closing.enter_context(open_tracks(path))
        self.origin = Fraction(self.source.start_time or 0, av.time_base)
        self.targets: dict[int, Stream] = {}
        self.encoders: dict[int, _Reencoder | SubtitleConverter] = {}
        self.packets: Iterator[_Timed] = iter(())
        self.waiting: _Timed | None = None

    def __enter__(self) -> "Tracks":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def add_to(self, output: OutputContainer) -> None:
        """Make the streams in the output, with chapters and tags."""
        for track in self.plan.tracks:
            source = self.source.streams[track.index]
            target = self._add_stream(output, source, track)
            target.metadata.update({k: v for k, v in source.metadata.items() if k in STREAM_TAGS})
            if track.action == "encode" or source.codec_context is not None:
                target.disposition = source.disposition
            self.targets[track.index] = target
        self._tag_picture(output)
        output.metadata.update({k: v for k, v in self.source.metadata.items() if k.lower() not in FILE_TAGS_LEFT_OUT})
        if chapters := self._chapters():
            output.set_chapters(chapters)

    def _tag_picture(self, output: OutputContainer) -> None:
        """Carry the tags of the picture; the time code only with its first frame, as it counts from there."""
        picture = self.source.streams.best("video")
        kept = PICTURE_TAGS if self.begin is None else PICTURE_TAGS[1:]
        if picture is not None:
            output.streams.video[0].metadata.update({k: v for k, v in picture.metadata.items() if k in kept})

    def start(self) -> None:
        """Find the first packet; the output has its header then."""
        streams = [self.source.streams[index] for index in self.targets]
        if streams:
            self.packets = self._in_order(streams)
            self.waiting = next(self.packets, None)

    def mux_until(self, output: OutputContainer, seconds: Fraction | None) -> None:
        """Hand over the packets up to a time of the output (None: all that are left)."""
        while self.waiting and (seconds is None or self.waiting.seconds <= seconds + AHEAD):
            output.mux(self.waiting.packet)
            self.waiting = next(self.packets, None)

    def _add_stream(self, output: OutputContainer, source: Stream, track: Track) -> Stream:
        if track.action == "copy":
            return output.add_stream_from_template(source)
        if isinstance(source, SubtitleStream):
            written = add_subtitles(output, track.encoder, source)
            self.encoders[track.index] = SubtitleConverter(source, written)
            return written
        if not isinstance(source, AudioStream):
            raise TypeError(f"track {track.index} is {source.type}; only audio and subtitles are encoded anew")
        target = output.add_stream(track.encoder, **audio_settings(source, track.encoder))
        if not isinstance(target, AudioStream):
            raise TypeError(f"{track.encoder} is no encoder of audio")
        self.encoders[track.index] = _Reencoder(source, target)
        return target

    def _chapters(self) -> list[Any]:
        """Return the chapters that overlap the span, on the output's clock."""
        chapters = []
        for chapter in self.source.chapters():
            tick = Fraction(chapter["time_base"] or 0)
            begins, ends = chapter["start"] * tick - self.origin, chapter["end"] * tick - self.origin
            if not tick or not self._is_wanted(begins, ends):
                continue
            begins, ends = max(begins, self.begin or begins), min(ends, self.end or ends)
            moved = {"start": round((begins + self.shift) / tick), "end": round((ends + self.shift) / tick)}
            chapters.append({**chapter, **moved})
        return chapters

    def _is_wanted(self, begins: Fraction, ends: Fraction) -> bool:
        too_early = self.begin is not None and ends <= self.begin and begins < self.begin
        return not too_early and (self.end is None or begins < self.end)

    def _in_order(self, streams: list[Stream]) -> Iterator[_Timed]:
        with suppress(FFmpegError):  # a source that breaks off: its picture has been judged already
            for packet in self.source.demux(streams):
                if not packet.size or packet.pts is None or packet.time_base is None:
                    continue
                begins = packet.pts * packet.time_base - self.origin
                ends = begins + (packet.duration or 0) * packet.time_base
                if self._is_wanted(begins, ends):
                    if isinstance(packet.stream, SubtitleStream):
                        begins = self._cut_to_span(packet, begins, ends)
                    for ready in self._moved(packet):
                        yield _Timed(begins + self.shift, ready)
        for encoder in self.encoders.values():
            for ready in encoder.finish():
                yield _Timed(self.shift + (self.end or Fraction(0)), ready)

    def _cut_to_span(self, packet: "Packet[Any]", begins: Fraction, ends: Fraction) -> Fraction:
        """Let a text that is shown when the span begins or ends be shown inside it only; return when it begins.

        Texts may be long, and a time before the file's beginning moves all other tracks.
        """
        tick = Fraction(packet.time_base)
        first = begins if self.begin is None else max(begins, self.begin)
        last = ends if self.end is None else max(first, min(ends, self.end))
        packet.pts = round((first + self.origin) / tick)
        if packet.duration:
            packet.dts, packet.duration = packet.pts, round((last - first) / tick)
        return first

    def _moved(self, packet: "Packet[Any]") -> "list[Packet[Any]]":
        """Return the packets of the output that a packet of the source becomes."""
        tick = Fraction(packet.time_base)
        shift = self.shift - self.origin
        if packet.stream_index in self.encoders:
            return self.encoders[packet.stream_index].encode(packet, shift)
        moved = round(shift / tick)
        packet.pts = (packet.pts or 0) + moved
        packet.dts = packet.pts if packet.dts is None else packet.dts + moved
        packet.stream = self.targets[packet.stream_index]
        return [packet]


class _Reencoder:
    """Decodes one audio stream and encodes it for another."""

    def __init__(self, source: AudioStream, target: AudioStream) -> None:
        self.source, self.target = source, target
        layout, rate = target.codec_context.layout.name, target.codec_context.sample_rate
        self.resampler = av.AudioResampler(target.codec_context.format, layout, rate)
        self.layout = layout
        self.next_sample: int | None = None

    def encode(self, packet: "Packet[Any]", shift: Fraction) -> "list[Packet[Any]]":
        """Return the encoded packets that one of the source becomes; what does not decode is passed over."""
        with suppress(FFmpegError):
            frames: Any = packet.decode()
            return [each for frame in frames for each in self._encode(frame, shift)]
        return []

    def finish(self) -> "list[Packet[Any]]":
        """Return the packets that are left inside the encoder."""
        with suppress(FFmpegError, ValueError):
            rest = [each for frame in self.resampler.resample(None) for each in self._send(frame)]
            return rest + list(self.target.encode(None))
        return []

    def _encode(self, frame: AudioFrame, shift: Fraction) -> "Iterator[Packet[Any]]":
        if self.next_sample is None:
            seconds = Fraction(frame.pts or 0) * Fraction(frame.time_base or 0) + shift
            self.next_sample = round(seconds * self.target.codec_context.sample_rate)
        frame.pts = None
        for resampled in self.resampler.resample(frame):
            yield from self._send(resampled)

    def _send(self, frame: AudioFrame) -> "list[Packet[Any]]":
        frame.pts, frame.time_base = self.next_sample, Fraction(1, frame.sample_rate)
        self.next_sample = (self.next_sample or 0) + frame.samples
        return list(self.target.encode(frame))
