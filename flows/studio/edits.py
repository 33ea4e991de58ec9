"""Edits that a person makes, each from one document to the next; what they mean is decided here, not in the page."""

from typing import Annotated, Any, Literal

from pydantic import Field

from flows.configs.run_config import PRESETS
from flows.studio.document import (
    LONGEST_NAME,
    MOST_OBJECTS,
    Document,
    KeyBox,
    MarkedObject,
    Painting,
    Plain,
    boxes_in,
)
from storage.errors import InputError
from storage.media.clip import Clip


class AddObject(Plain):
    """Begin another thing to remove."""

    kind: Literal["add_object"]

    def apply(self, document: Document, clip: Clip) -> Document:
        """See the class."""
        numbers = {each.number for each in document.objects}
        free = [number for number in range(1, MOST_OBJECTS + 1) if number not in numbers]
        if not free:
            raise InputError(f"there are {MOST_OBJECTS} things already; mark several with one, or remove one")
        return with_object(document, free[0], clip)


class ChangeObject(Plain):
    """Rename an object, choose in which frames it is removed, or say whether it moves."""

    kind: Literal["change_object"]
    number: int
    name: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    first: int | None = None
    last: int | None = None
    moves: bool | None = None

    def apply(self, document: Document, clip: Clip) -> Document:
        """See the class."""
        changes = self.model_dump(exclude={"kind", "number"}, exclude_none=True)
        changed = find(document, self.number).model_copy(update=changes)
        first, last = sorted((changed.first, changed.last))
        last = min(max(last, 0), clip.frame_count - 1)
        return replaced(document, changed.model_copy(update={"first": min(max(first, 0), last), "last": last}))


class RemoveObject(Plain):
    """Drop an object with all that is marked of it."""

    kind: Literal["remove_object"]
    number: int

    def apply(self, document: Document, clip: Clip) -> Document:  # noqa: ARG002
        """See the class."""
        gone = find(document, self.number)
        kept = tuple(each for each in document.objects if each is not gone)
        return document.model_copy(update={"objects": kept})


class PutBox(Plain):
    """Draw a box, or move the one that is there."""

    kind: Literal["put_box"]
    number: int = Field(ge=1, le=MOST_OBJECTS)
    """Of the object; one that is not there yet begins with it."""
    frame: int = Field(ge=0)
    box: tuple[int, int, int, int]
    replaces: int | None = None
    """Which of the boxes that the frame shows it takes the place of; None adds one. To a frame of something that moves
    in which nothing was drawn yet, it says where the thing is now: boxes on their way there are dropped."""

    def apply(self, document: Document, clip: Clip) -> Document:
        """See the class."""
        document = with_object(document, self.number, clip)
        marked = find(document, self.number)
        x, y, width, height = self.box
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, clip.width), min(y + height, clip.height)
        if right <= left or bottom <= top:
            raise InputError("the box lies outside the picture")
        drawn = KeyBox(frame=self.frame, x=left, y=top, width=right - left, height=bottom - top)
        shown = boxes_in(marked, self.frame)
        if self.replaces is None:
            shown = [each for each in marked.boxes if not marked.moves or each.frame == self.frame] + [drawn]
        elif 0 <= self.replaces < len(shown):
            shown[self.replaces] = drawn
        else:
            raise InputError("this box is not there any more")
        return replaced(document, with_boxes(marked, self.frame, shown))


class RemoveBox(Plain):
    """Drop one of the boxes that a frame shows."""

    kind: Literal["remove_box"]
    number: int
    frame: int = Field(ge=0)
    index: int = Field(ge=0)

    def apply(self, document: Document, clip: Clip) -> Document:  # noqa: ARG002
        """See the class."""
        marked = find(document, self.number)
        shown = boxes_in(marked, self.frame)
        if self.index >= len(shown):
            raise InputError("this box is not there any more")
        del shown[self.index]
        return replaced(document, with_boxes(marked, self.frame, shown))


class PutPainting(Plain):
    """Take what was painted or erased in a frame for what is marked there."""

    kind: Literal["put_painting"]
    number: int = Field(ge=1, le=MOST_OBJECTS)
    """Of the object; one that is not there yet begins with it."""
    frame: int = Field(ge=0)
    file: str
    """Name of the label image that was stored."""
    holds_boxes: bool = False
    """Whether the boxes of the frame are in it: where something was erased they became paint."""

    def apply(self, document: Document, clip: Clip) -> Document:
        """See the class."""
        document = with_object(document, self.number, clip)
        marked = find(document, self.number)
        painting = Painting(frame=self.frame, file=self.file)
        kept = (each for each in marked.paintings if marked.moves and each.frame != self.frame)
        changed = marked.model_copy(update={"paintings": (*kept, painting)})
        if self.holds_boxes:
            changed = with_boxes(changed, self.frame, [])
        elif marked.moves:  # the boxes that are shown stay with the new key frame
            changed = with_boxes(changed, self.frame, boxes_in(marked, self.frame))
        return replaced(document, changed)


class ClearFrame(Plain):
    """Drop what is marked of an object in a frame; of one that stands still, everything."""

    kind: Literal["clear_frame"]
    number: int
    frame: int = Field(ge=0)

    def apply(self, document: Document, clip: Clip) -> Document:  # noqa: ARG002
        """See the class."""
        marked = find(document, self.number)
        boxes = tuple(each for each in marked.boxes if marked.moves and each.frame != self.frame)
        paintings = tuple(each for each in marked.paintings if marked.moves and each.frame != self.frame)
        changes: dict[str, Any] = {"boxes": boxes, "paintings": paintings}
        if marked.track:
            changes["cleared"] = tuple(sorted({*marked.cleared, self.frame}))
        return replaced(document, marked.model_copy(update=changes))


class Choose(Plain):
    """Choose how it is done."""

    kind: Literal["choose"]
    preset: str | None = None
    dilation: Annotated[int, Field(ge=0, le=500)] | None = None

    def apply(self, document: Document, clip: Clip) -> Document:  # noqa: ARG002
        """See the class."""
        if self.preset is not None and self.preset not in PRESETS:
            raise InputError(f"there is no preset {self.preset!r}; choose from {', '.join(PRESETS)}")
        return document.model_copy(update=self.model_dump(exclude={"kind"}, exclude_none=True))


def add_found(document: Document, name: str, track: str, clip: Clip) -> Document:
    """Return the document with one more object, of which looking for it makes the frames; see `MarkedObject`.

    Raises : InputError if no more may be added.
    """
    added = AddObject(kind="add_object").apply(document, clip)
    number = added.objects[-1].number
    return take_track(ChangeObject(kind="change_object", number=number, name=name).apply(added, clip), number, track)


def take_track(document: Document, number: int, track: str) -> Document:
    """Return the document with an object whose frames are those that following it makes; see `MarkedObject`.

    Raises : InputError if there is no object of this number.
    """
    return replaced(document, find(document, number).model_copy(update={"moves": True, "track": track, "cleared": ()}))


Edit = Annotated[
    AddObject | ChangeObject | RemoveObject | PutBox | RemoveBox | PutPainting | ClearFrame | Choose,
    Field(discriminator="kind"),
]


def with_object(document: Document, number: int, clip: Clip) -> Document:
    """Return the document with an object of this number, in all frames; as it is if there is one."""
    if document.object(number) is not None:
        return document
    added = MarkedObject(number=number, name=f"Thing {number}", first=0, last=clip.frame_count - 1)
    return document.model_copy(update={"objects": (*document.objects, added)})


def find(document: Document, number: int) -> MarkedObject:
    """Return the object of a number. Raises InputError if there is none."""
    found = document.object(number)
    if found is None:
        raise InputError(f"there is no thing {number} any more")
    return found


def replaced(document: Document, changed: MarkedObject) -> Document:
    """Return the document with another object in the place of the one of the same number."""
    objects = tuple(changed if each.number == changed.number else each for each in document.objects)
    return document.model_copy(update={"objects": objects})


def with_boxes(marked: MarkedObject, frame: int, boxes: list[KeyBox]) -> MarkedObject:
    """Return an object whose boxes in a frame are these; of one that stands still, all its boxes."""
    kept = [each for each in marked.boxes if marked.moves and each.frame != frame]
    return marked.model_copy(update={"boxes": tuple(kept + boxes)})
