"""The frames in which a user gives an object: read and checked before the work begins."""

import re
from collections.abc import Iterable
from pathlib import Path

from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.kinds.timed import TimedMask
from storage.media.masks.parsing import join_masks, parse_mask
from storage.media.times import frame_at, parse_moment

NUMBER = re.compile(r"\d{1,9}", re.ASCII)
OBJECT = re.compile(r"(.*)#(\d{1,3})", re.ASCII)
MOST_OBJECTS = 255

GivenObjects = dict[int, dict[int, str]]
"""Number of an object -> frame -> mask of it."""


def given_objects(clip: Clip, texts: Iterable[str]) -> GivenObjects:
    """Return the masks by which objects are given in frames; masks of the same object and frame are joined.

    texts  : FRAME=MASK, or of several objects FRAME#OBJECT=MASK: 37=mask.png, 0:12.5=10,20,64,48, 37#2=other.png.
    Raises : InputError if one is written otherwise, lies outside the clip, or its mask cannot be used.
    """
    found: dict[tuple[int, int], list[str]] = {}
    for text in texts:
        frame, equals, mask = text.partition("=")
        if not equals or not mask:
            raise InputError(f"{text!r}: expected a frame and the object in it, as 37=mask.png or 37=x,y,w,h")
        number = 1
        if named := OBJECT.fullmatch(frame):
            frame, number = named[1], int(named[2])
        if not 1 <= number <= MOST_OBJECTS:
            raise InputError(f"{text!r}: objects have numbers from 1 to {MOST_OBJECTS}; got {number}")
        t = int(frame) if NUMBER.fullmatch(frame) else frame_at(clip, parse_moment(frame))
        if t >= clip.frame_count:
            raise InputError(f"{text!r}: {clip.path} has frames 0 to {clip.frame_count - 1}; choose one of them")
        found.setdefault((number, t), []).append(mask)
    if not found:
        raise InputError("an object is followed from at least one frame in which it is given; name it with --from")
    given: GivenObjects = {}
    for (number, t), masks in sorted(found.items()):
        given.setdefault(number, {})[t] = join_masks(masks)
        _check(clip, t, given[number][t])
    return given


def files_of(given: GivenObjects) -> list[Path]:
    """Return the files that masks are read from."""
    return [path for masks in given.values() for mask in masks.values() for path in parse_mask(mask).paths]


def _check(clip: Clip, t: int, mask: str) -> None:
    source = parse_mask(mask)
    if any(isinstance(part, TimedMask) for part in source.parts):
        raise InputError(f"{t}={mask}: the mask of a frame needs no time after @; leave it out")
    marks = source.open(clip)
    if not next(marks.read(*((t, t + 1) if marks.count > 1 else (0, 1)))).any():
        raise InputError(f"{t}={mask}: nothing is marked there; give a frame in which the object is seen")
