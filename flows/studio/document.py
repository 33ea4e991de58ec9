"""What a person has marked and chosen for one video, as plain values; and what of it is marked in a frame.

A document is never changed: every edit makes another one, so that undoing is going back to the one before.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tasks.services.painted_masks import Box, Marked

MOST_OBJECTS = 7
LONGEST_NAME = 60


class Plain(BaseModel):
    """Values that do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class KeyBox(Plain):
    """A box in pixels that was drawn in one frame."""

    frame: int = Field(ge=0)
    x: int = Field(ge=-20000, le=20000)
    y: int = Field(ge=-20000, le=20000)
    width: int = Field(ge=1, le=20000)
    height: int = Field(ge=1, le=20000)

    @property
    def box(self) -> Box:
        """The box alone."""
        return self.x, self.y, self.width, self.height


class Painting(Plain):
    """What was painted in one frame."""

    frame: int = Field(ge=0)
    file: str = Field(pattern=r"^[0-9a-f]{20}\.png$")
    """Name of a label image in the project's folder."""


class MarkedObject(Plain):
    """One thing to remove."""

    number: int = Field(ge=1, le=MOST_OBJECTS)
    """Its label."""
    name: str = Field(max_length=LONGEST_NAME)
    first: int = Field(ge=0)
    """First frame in which it is removed."""
    last: int = Field(ge=0)
    """Last frame in which it is removed."""
    moves: bool = False
    """False: what is marked in any frame is marked in all of them. True: each frame has its own, and between two of
    them a box glides from one to the other, while paint stays until the next."""
    boxes: tuple[KeyBox, ...] = ()
    paintings: tuple[Painting, ...] = ()
    track: str = Field("", pattern=r"^([0-9a-f]{20})?$")
    """Name of a folder of images beside the paintings, one for each frame, that following or finding it has made, or
    will have made; empty if nobody did."""
    cleared: tuple[int, ...] = ()
    """Frames in which what that has made does not count."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is marked."""
        return not self.boxes and not self.paintings and not self.track

    @property
    def key_frames(self) -> list[int]:
        """The frames in which something was drawn, ascending."""
        return sorted({box.frame for box in self.boxes} | {painted.frame for painted in self.paintings})


class Document(Plain):
    """Everything that a person has decided about one video."""

    objects: tuple[MarkedObject, ...] = ()
    preset: str = "default"
    dilation: int | None = Field(None, ge=0, le=500)
    """Pixels by which the marks grow; None leaves it to the preset."""

    @property
    def fingerprint(self) -> str:
        """Tells apart documents that mark different pixels."""
        marks = self.model_dump_json(exclude={"preset": True, "objects": {"__all__": {"name"}}})
        return hashlib.sha256(marks.encode()).hexdigest()[:16]

    def object(self, number: int) -> MarkedObject | None:
        """Return the object of a number."""
        return next((each for each in self.objects if each.number == number), None)


def marked_in(marked: MarkedObject, t: int, folder: Path) -> Marked | None:
    """Return what is marked of an object in frame t; None if nothing is.

    folder : where its label images lie.
    """
    if marked.is_empty or not marked.first <= t <= marked.last:
        return None
    if not marked.moves:
        images = tuple(folder / painted.file for painted in marked.paintings)
        return Marked(tuple(key.box for key in marked.boxes), images)
    return _marked_between(marked, t, folder)


def _marked_between(marked: MarkedObject, t: int, folder: Path) -> Marked:
    """What is marked of something that moves: that of the key frame, else what following it found, or that of the frame
    before, its boxes on their way."""
    frames = marked.key_frames
    if t not in frames and is_tracked(marked, folder):
        if t in marked.cleared:
            return Marked()
        return Marked((), (folder / marked.track / f"{t:05d}.png",))
    if not frames:
        return Marked()
    before = max((frame for frame in frames if frame <= t), default=frames[0])
    after = min((frame for frame in frames if frame >= t), default=before)
    images = tuple(folder / painted.file for painted in marked.paintings if painted.frame == before)
    boxes = tuple(key.box for key in marked.boxes if key.frame == before)
    goals = tuple(key.box for key in marked.boxes if key.frame == after)
    if len(boxes) == len(goals) and before < t < after:
        share = (t - before) / (after - before)
        boxes = tuple(_between(box, goal, share) for box, goal in zip(boxes, goals, strict=True))
    return Marked(boxes, images)


def is_tracked(marked: MarkedObject, folder: Path) -> bool:
    """Return whether what following or finding an object has made is there."""
    return bool(marked.track) and (folder / marked.track).is_dir()


def _between(box: Box, goal: Box, share: float) -> Box:
    x, y, width, height = (round(start + share * (end - start)) for start, end in zip(box, goal, strict=True))
    return x, y, width, height


def boxes_in(marked: MarkedObject, t: int) -> list[KeyBox]:
    """Return the boxes of an object that frame t shows, whether or not it is removed there."""
    if not marked.moves:
        return list(marked.boxes)
    if marked.track and t not in marked.key_frames:
        return []
    boxes = () if marked.is_empty else _marked_between(marked, t, Path()).boxes
    return [KeyBox(frame=t, x=x, y=y, width=width, height=height) for x, y, width, height in boxes]


def marked_frames(document: Document, count: int, folder: Path) -> Iterator[list[tuple[int, Marked]]]:
    """For each of `count` frames the numbers of the objects marked in it, and what is marked of them."""
    for t in range(count):
        found = ((each.number, marked_in(each, t, folder)) for each in document.objects)
        yield [(number, marked) for number, marked in found if marked is not None]
