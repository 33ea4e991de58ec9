"""Facts of a clip (a video file or a folder of images), and what makes a path or a size acceptable."""

import os
import stat
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from storage.errors import InputError

MAX_SIDE = 16384  # pixels; the largest side H.264 and HEVC levels reach
MAX_PIXELS = 2**28  # pixels of one frame: 0.8 GB as RGB; headers that claim more are refused unread

PROGRESSIVE, TOP_FIELD_FIRST = 1, 2  # FFmpeg's AVFieldOrder
BOTTOM_FIELDS_FIRST = (3, 4)  # the same: bottom field shown first
UNSPECIFIED = 2  # H.273 code point: "the file does not say"
RGB_MATRIX = 0  # H.273 matrix of RGB that was never YUV
BT709, BT601 = 1, 6  # H.273 matrices


@dataclass(frozen=True)
class ColourTags:
    """Colour tags of a stream as ITU-T H.273 code points; 2 where the file does not say."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    full_range: bool | None = None
    """True for 0-255 luma, False for 16-235, None where the file does not say (read as 16-235)."""


@dataclass(frozen=True)
class Clip:
    """What is known of a clip without its pixels. Sizes are those of the frames as read: after rotation."""

    path: Path
    kind: Literal["video", "images"]
    frame_count: int
    """Frames that the file promises."""
    frames_found: int
    """Frames whose data is there; less than frame_count in a truncated file."""
    height: int
    width: int
    rate: Fraction
    """Frames a second; the mean where pts says that it varies."""
    time_base: Fraction
    """Seconds a tick of pts."""
    pts: tuple[int, ...] | None = None
    """(frames_found,) ticks since the first frame where the rate varies; None where it is constant."""
    start_time: Fraction = Fraction(0)
    """Seconds of the first frame after the start of the file (of whichever stream begins first)."""
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width of a pixel over its height."""
    colour: ColourTags = ColourTags()
    codec: str = ""
    """FFmpeg's name of the codec; empty for images."""
    pixel_format: str = ""
    """FFmpeg's name of the pixel format; empty for images."""
    bit_depth: int = 8
    """Bits of a channel as stored; frames are read with 8 unless full_depth reads them."""
    has_audio: bool = False
    has_alpha: bool = False
    rotation: int = 0
    """Degrees clockwise by which reading turns the stored frames: 0, 90, 180 or 270."""
    mirrored: bool = False
    """Whether reading swaps left and right, before it turns."""
    leading_packets: int = 0
    """Packets after the first key frame that belong to frames before it, which were cut away: no decoder shows them."""
    field_order: int = PROGRESSIVE
    """FFmpeg's AVFieldOrder; above 1 the frames hold two fields of different times."""
    is_deinterlaced: bool = False
    """Whether reading makes whole frames of them."""
    warnings: tuple[str, ...] = ()
    """What is odd about the file, one line each."""

    @property
    def is_interlaced(self) -> bool:
        """Whether frames as read are woven of two fields of different times."""
        return self.field_order > PROGRESSIVE and not self.is_deinterlaced

    @property
    def yuv_matrix(self) -> int:
        """Return the H.273 matrix that turns YUV of this clip into RGB and back.

        Untagged video is taken as players take it: BT.709 from HD sizes on, BT.601 below. Writing uses the same
        matrix and leaves the tag out again, so that a round trip moves no colour whatever a player assumes.
        """
        if self.colour.matrix not in (UNSPECIFIED, RGB_MATRIX):
            return self.colour.matrix
        is_hd = max(self.height, self.width) >= 1280 or min(self.height, self.width) > 576
        return BT709 if is_hd or self.colour.matrix == RGB_MATRIX else BT601

    def time_of(self, frame: int) -> Fraction:
        """Return the seconds from the first frame to a frame; for frame_count and beyond, where it would come."""
        if self.pts is None or len(self.pts) < 2:
            return frame / self.rate
        last = len(self.pts) - 1
        ticks = self.pts[min(frame, last)] + max(0, frame - last) * (self.pts[last] - self.pts[last - 1])
        return ticks * self.time_base

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file; fractions as "30000/1001"."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Clip":
        """Return the clip of which to_json made the values."""
        fractions = ("rate", "time_base", "start_time", "sample_aspect_ratio")
        return cls(
            **{
                **values,
                **{name: Fraction(values[name]) for name in fractions},
                "path": Path(values["path"]),
                "pts": None if values["pts"] is None else tuple(values["pts"]),
                "colour": ColourTags(**values["colour"]),
                "warnings": tuple(values.get("warnings", ())),
            }
        )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path | Fraction) else value


def check_size(path: Path, height: int, width: int) -> None:
    """Refuse frames that nobody can mean, before memory is asked for them.

    Raises: InputError unless both sides are 1..MAX_SIDE and the frame has at most MAX_PIXELS pixels.
    """
    if not height or not width:
        raise InputError(f"{path}: the header gives no size, or an absurd one; expected 1 to {MAX_SIDE} pixels a side")
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE and height * width <= MAX_PIXELS):
        raise InputError(
            f"{path}: the header says {width}x{height} pixels; expected 1 to {MAX_SIDE} a side and at most "
            f"{MAX_PIXELS} a frame; scale it down first if the size is meant"
        )


def check_range(clip: Clip, start: int, stop: int | None) -> int:
    """Return the number of the frame after the last one wanted of a clip.

    start, stop : frame numbers from 0, stop not included; stop None means the clip's end.
    Raises      : InputError if the range is empty, leaves the clip, or asks for frames that a truncated file lost.
    """
    end = clip.frame_count if stop is None else stop
    if not 0 <= start < end <= clip.frame_count:
        raise InputError(
            f"{clip.path}: frames {start} to {end} (not included) wanted, but the clip has frames 0 to "
            f"{clip.frame_count} (not included); choose decode.start and decode.stop inside"
        )
    if end > clip.frames_found:
        raise InputError(
            f"{clip.path}: truncated or damaged: {clip.frames_found} of {clip.frame_count} frames are in the file; "
            f"copy it again, or keep what is there with --set decode.stop={clip.frames_found}"
        )
    return end


def find_source(path: str | os.PathLike[str]) -> Path:
    """Return the path of a regular file or folder that exists, symbolic links followed.

    Raises: InputError for anything else: URLs, missing paths, devices, pipes, sockets, loops of links.
    """
    text = os.fspath(path)
    try:
        mode = Path(text).stat().st_mode
    except (OSError, ValueError) as error:
        raise InputError(f"{text!r}: {_why_missing(text, error)}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{text}: expected a file or a folder, got a device, pipe or socket; save it to a file first")
    return Path(text)


def _why_missing(text: str, error: Exception) -> str:
    if "://" in text:
        return "expected a file or a folder, got a URL; download it first"
    if isinstance(error, FileNotFoundError):
        return "no such file or folder; check the path"
    return f"cannot be opened ({getattr(error, 'strerror', None) or error}); check the path and its permissions"
