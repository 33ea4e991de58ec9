"""Subtitles of text on their way into a container that writes them otherwise, such as SubRip into MP4.

FFmpeg's decoders of text give the lines of an SSA file, its encoders take those: bold, italic and colours survive where
both formats know them.
"""

from contextlib import suppress
from fractions import Fraction
from typing import Any

from av.error import FFmpegError
from av.packet import Packet
from av.subtitles.stream import SubtitleStream

TEXT_ENCODERS = {"matroska": "srt", "mp4": "mov_text", "mov": "mov_text"}
"""FFmpeg's muxers and the encoder of the text that each holds."""
MILLISECOND = Fraction(1, 1000)


def subtitle_encoder(stream: SubtitleStream, muxer: str) -> str:
    """Return the encoder that makes subtitles of text fit a muxer; empty if they are pictures, or nobody reads them."""
    context = stream.codec_context
    if context is None or not context.codec.text_sub or muxer not in TEXT_ENCODERS:
        return ""
    try:
        context.open(strict=False)
    except (FFmpegError, ValueError):
        return ""
    return TEXT_ENCODERS[muxer]


def add_subtitles(output: Any, encoder: str, source: SubtitleStream) -> SubtitleStream:
    """Add a stream of text to an output container, to which SubtitleConverter then writes."""
    target = output.add_stream(encoder)
    source.codec_context.open(strict=False)  # which makes the header that the encoder asks for
    target.codec_context.subtitle_header = source.codec_context.subtitle_header
    target.codec_context.time_base = target.time_base = MILLISECOND
    return target  # type: ignore[no-any-return]


class SubtitleConverter:
    """Decodes one stream of subtitles and encodes it for another."""

    def __init__(self, source: SubtitleStream, target: SubtitleStream) -> None:
        self.source, self.target = source, target

    def encode(self, packet: "Packet[Any]", shift: Fraction) -> "list[Packet[Any]]":
        """Return the packet of the output that one of the source becomes; empty ones and damaged ones give none.

        shift : seconds added to its time.
        """
        tick, context = Fraction(packet.time_base), self.source.codec_context
        with suppress(FFmpegError, UnicodeError):
            texts = context.decode2(packet)
            if texts is None or not len(texts):
                return []
            coded = self.target.codec_context.encode_subtitle(texts)
            coded.time_base, coded.stream = MILLISECOND, self.target
            coded.pts = coded.dts = round(((packet.pts or 0) * tick + shift) / MILLISECOND)
            lasts = (packet.duration or 0) * tick or texts.end_display_time * MILLISECOND
            coded.duration = round(lasts / MILLISECOND)
            return [coded]
        return []

    def finish(self) -> "list[Packet[Any]]":
        """Return what is left inside the encoder: nothing."""
        return []
