"""Times in a video as people write them, 0:45.5 or 12.5s or f120, and the frames that they mean.

A time means the frame that a player shows then, by the time stamps of the file, not by a frame rate. From one time to
another are the frame of the first and all up to that of the second, which is not one of them.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction

from storage.errors import InputError
from storage.media.clip import Clip

FRAME = re.compile(r"f(\d{1,9})", re.ASCII)
SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s|(\d{1,9}\.\d{1,9})", re.ASCII)
CLOCK = re.compile(r"(?:(\d{1,4}):(?=\d\d?:))?(\d{1,4}):(\d{1,2}(?:\.\d{1,9})?)", re.ASCII)
SLACK = Fraction(1, 1000)
"""Seconds by which a time may come too early: players and containers round time stamps to thousandths."""
LATE = Fraction(1)
"""Seconds after the end of a video that still mean its end: players show whole seconds, and audio may go on."""


@dataclass(frozen=True)
class Moment:
    """A place in a video: seconds since it starts to play, or the number of a frame."""

    seconds: Fraction = Fraction(0)
    frame: int | None = None
    """Where it is given, it counts, and the seconds do not."""

    def __str__(self) -> str:
        """Return how it is written, one way for each moment: f120, 0:45.5, 1:02:03."""
        if self.frame is not None:
            return f"f{self.frame}"
        whole, part = divmod(self.seconds, 1)
        minutes, seconds = divmod(int(whole), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
        return clock + f"{float(part):.9f}"[1:].rstrip("0").rstrip(".")


START = Moment()


@dataclass(frozen=True)
class Span:
    """The time from one moment to another, the frame of which is not part of it; None as end means that of the video.

    >>> str(parse_span("0:10-45.5s"))
    '0:10-0:45.5'
    """

    begin: Moment = START
    end: Moment | None = None

    def __str__(self) -> str:
        """Return how it is written, one way for each span."""
        return f"{self.begin}-{'' if self.end is None else self.end}"


def parse_moment(text: str) -> Moment:
    """Return the moment that a text means: 0:45.5, 1:02:03, 12.5s, or f120 for a frame counted from 0.

    Raises : InputError for anything else, also for a whole number, which could be seconds or a frame.
    """
    if match := FRAME.fullmatch(text):
        return Moment(frame=int(match[1]))
    if match := SECONDS.fullmatch(text):
        return Moment(Fraction(match[1] or match[2]))
    if text.isascii() and text.isdigit():
        raise InputError(f"{_short(text)!r} may be seconds or a frame; write 0:10 or 10s for seconds, f10 for a frame")
    match = CLOCK.fullmatch(text)
    if match is None or Fraction(match[3]) >= 60 or (match[1] and int(match[2]) >= 60):
        raise InputError(f"{_short(text)!r} is no time; write 0:45.5, 1:02:03 or 45.5s, or f120 for a frame")
    return Moment(int(match[1] or 0) * 3600 + int(match[2]) * 60 + Fraction(match[3]))


def parse_span(text: str) -> Span:
    """Return the span that a text means, such as 0:10-0:45.5; 0:10- goes to the end, -0:45.5 comes from the start.

    Raises : InputError if it is no span, or nothing lies in it.
    """
    begin, dash, end = text.partition("-")
    if not dash or not (begin or end):
        raise InputError(f"{_short(text)!r} is no time; write from and to, as 0:10-0:45.5, or 0:10- up to the end")
    span = Span(parse_moment(begin) if begin else START, parse_moment(end) if end else None)
    if span.end is not None and _is_after(span.begin, span.end):
        raise InputError(f"{_short(text)!r} ends before it begins, or holds nothing; the end is not part of it")
    return span


def frame_at(clip: Clip, moment: Moment) -> int:
    """Return the frame that a clip shows at a moment; as many as it has frames from its end on."""
    if moment.frame is not None:
        return min(moment.frame, clip.frame_count)
    seconds = moment.seconds - clip.start_time + min(SLACK, 1 / (4 * clip.rate))
    if seconds >= clip.time_of(clip.frame_count):
        return clip.frame_count
    shown = int(seconds * clip.rate) if clip.pts is None else bisect_right(clip.pts, seconds / clip.time_base) - 1
    return max(0, shown)


def frames_in(clip: Clip, span: Span, name: str) -> tuple[int, int]:
    """Return the frames of a clip that lie in a span, as first and stop (not included).

    name   : what the span belongs to, for messages.
    Raises : InputError if it begins after the end of the clip, ends more than a second after it, or holds no frame.
    """
    first = frame_at(clip, span.begin)
    stop = clip.frame_count if span.end is None else frame_at(clip, span.end)
    if first >= clip.frame_count:
        raise InputError(f"{name} begins at {span.begin}, and {_length(clip)}")
    if span.end is not None and _is_beyond(clip, span.end):
        raise InputError(f"{name} ends at {span.end}, and {_length(clip)}; leave its end away to go up to that")
    if first >= stop:
        raise InputError(f"{name} holds no frame from {span.begin} to {span.end}; its end is not part of it")
    return first, stop


def _is_after(begin: Moment, end: Moment) -> bool:
    """Whether a moment comes at or after another, as far as that can be said of both without a video."""
    if begin.frame is not None and end.frame is not None:
        return begin.frame >= end.frame
    return begin.frame is None and end.frame is None and begin.seconds >= end.seconds


def _is_beyond(clip: Clip, end: Moment) -> bool:
    if end.frame is not None:
        return end.frame > clip.frame_count
    return end.seconds > clip.start_time + clip.time_of(clip.frame_count) + LATE


def _length(clip: Clip) -> str:
    seconds = round(clip.start_time + clip.time_of(clip.frame_count), 3)
    return f"{clip.path} has {clip.frame_count} frames and lasts {Moment(seconds)}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}..."
