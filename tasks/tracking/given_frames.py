"""The frames in which a user gives an object: read and checked before the work begins."""

import re
from collections.abc import Iterable
from pathlib import Path

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.parsing import join_masks, parse_mask
from storage.media.masks.timed import TimedMask
from storage.media.times import frame_at, parse_moment

NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def given_frames(clip: Clip, texts: Iterable[str]) -> dict[int, str]:
    """Return frame -> mask of the object in it, each given as FRAME=MASK; masks of the same frame are joined.

    texts  : such as 37=mask.png or 0:12.5=10,20,64,48.
    Raises : InputError if one is written otherwise, lies outside the clip, or its mask cannot be used.
    """
    found: dict[int, list[str]] = {}
    for text in texts:
        frame, equals, mask = text.partition("=")
        if not equals or not mask:
            raise InputError(f"{text!r}: expected a frame and the object in it, as 37=mask.png or 37=x,y,w,h")
        t = int(frame) if NUMBER.fullmatch(frame) else frame_at(clip, parse_moment(frame))
        if t >= clip.frame_count:
            raise InputError(f"{text!r}: {clip.path} has frames 0 to {clip.frame_count - 1}; choose one of them")
        found.setdefault(t, []).append(mask)
    if not found:
        raise InputError("an object is followed from at least one frame in which it is given; name it with --from")
    given = {t: join_masks(masks) for t, masks in sorted(found.items())}
    for t, mask in given.items():
        _check(clip, t, mask)
    return given


def files_of(given: Iterable[str]) -> list[Path]:
    """Return the files that masks are read from."""
    return [path for mask in given for path in parse_mask(mask).paths]


def _check(clip: Clip, t: int, mask: str) -> None:
    source = parse_mask(mask)
    if any(isinstance(part, TimedMask) for part in source.parts):
        raise InputError(f"{t}={mask}: the mask of a frame needs no time after @; leave it out")
    marks = source.open(clip)
    if not next(marks.read(*((t, t + 1) if marks.count > 1 else (0, 1)))).any():
        raise InputError(f"{t}={mask}: nothing is marked there; give a frame in which the object is seen")
