"""Sound streams copied from one file into another without encoding, trimmed to a span of time."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from storage.errors import InputError
from storage.media.video_decoding import DEMUXERS, OPEN_OPTIONS, reason_of

SOUND_FILES = f"{DEMUXERS},wav,mp3,flac,aac,aiff"  # sound may also come without pictures
AHEAD = Fraction(1, 2)  # seconds that sound is handed over before the picture it goes with


class Sound:
    """The sound streams of a file on their way into another one.

    begin, end : seconds on the source's clock (0 = its start) outside which packets are left out; None = no limit.
    shift      : seconds added to every time.
    """

    def __init__(self, path: Path, *, begin: Fraction | None, end: Fraction | None, shift: Fraction) -> None:
        self.path, self.begin, self.end, self.shift = path, begin, end, shift
        options = {**OPEN_OPTIONS, "format_whitelist": SOUND_FILES}
        try:
            self.source: InputContainer = av.open(str(path.absolute()), "r", options=options, metadata_errors="replace")
        except (FFmpegError, OSError) as error:
            raise InputError(f"{path}: the sound cannot be read ({reason_of(error)}); give a media file") from None
        self.copies: dict[int, AudioStream] = {}
        self.packets: Iterator[tuple[Fraction, Packet[AudioStream]]] = iter(())
        self.waiting: tuple[Fraction, Packet[AudioStream]] | None = None

    def __enter__(self) -> "Sound":
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def add_to(self, output: OutputContainer, target: Path) -> None:
        """Make the streams in the output.

        Raises: InputError if its container cannot hold one of them.
        """
        streams = self.source.streams.audio
        for stream in streams:
            try:
                copy = output.add_stream_from_template(stream)
            except (ValueError, FFmpegError):
                name = stream.codec_context.name if stream.codec_context else "unknown"
                raise InputError(unfit_sound(target, self.path, name)) from None
            copy.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title")})
            copy.disposition = stream.disposition
            self.copies[stream.index] = copy
        if streams:
            self.packets = self._wanted_packets(streams)
            self.waiting = next(self.packets, None)

    def mux_until(self, output: OutputContainer, seconds: Fraction | None) -> None:
        """Hand over the packets up to a time of the output (None: all that are left)."""
        while self.waiting and (seconds is None or self.waiting[0] <= seconds + AHEAD):
            output.mux(self.waiting[1])
            self.waiting = next(self.packets, None)

    def _wanted_packets(self, streams: tuple[AudioStream, ...]) -> "Iterator[tuple[Fraction, Packet[AudioStream]]]":
        origin = Fraction(self.source.start_time or 0, av.time_base)
        with contextlib.suppress(FFmpegError):  # a source that breaks off: its picture has been judged already
            for packet in self.source.demux(streams):
                if not packet.size or packet.pts is None:
                    continue
                tick = packet.time_base
                begins = packet.pts * tick - origin
                ends = begins + (packet.duration or 0) * tick
                if (self.begin is not None and ends <= self.begin) or (self.end is not None and begins >= self.end):
                    continue
                moved = round((self.shift - origin) / tick)
                packet.pts += moved
                packet.dts = packet.pts if packet.dts is None else packet.dts + moved
                packet.stream = self.copies[packet.stream_index]
                yield begins + self.shift, packet


def unfit_sound(target: Path, source: Path, codec: str) -> str:
    """The message for sound that the target's container cannot hold."""
    return (
        f"{target}: this container cannot hold the {codec} sound of {source}; write an .mkv file, which holds all "
        "kinds, or leave the sound out"
    )
