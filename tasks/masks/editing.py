"""A mask made of others: joined, cut, grown, limited in time, written as any kind. Memory is for a few frames."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dfvi_models.masks.editing import grow, pinholes, shifted, specks
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.masks.canvas import canvas_of, open_alone
from storage.media.masks.holes import DEFAULT_THRESHOLD, read_holes
from storage.media.masks.parsing import parse_mask
from storage.media.masks.writing import check_mask_name, write_mask_file
from storage.media.reading import probe
from storage.media.times import Span, frames_in

Hole = NDArray[np.bool_]
Holes = Iterator[Hole]
JOINING: dict[str, Callable[[Hole, Hole], Hole]] = {
    "add": np.logical_or,
    "subtract": lambda one, other: np.asarray(one & ~other, np.bool_),
    "intersect": np.logical_and,
}
"""Edits that take a second mask."""
EDITS = (*JOINING, "grow", "shrink", "fill", "drop", "shift", "between", "invert")
Name = Literal["add", "subtract", "intersect", "grow", "shrink", "fill", "drop", "shift", "between", "invert"]


@dataclass(frozen=True)
class Edit:
    """One step of an edit, which works on what the steps before it made."""

    name: Name
    """add, subtract, intersect: a mask; grow, shrink: pixels; fill, drop: pixels of the largest gap or speck; shift:
    frames; between: spans of time; invert: nothing."""
    value: str | int | tuple[Span, ...] | None = None


@dataclass(frozen=True)
class EditedMask:
    """What was written."""

    output: str
    frames: int
    width: int
    height: int
    marked_frames: int
    """Frames in which anything is marked."""
    share: float
    """Of the pixels of all frames that is marked."""
    fitted: tuple[str, ...]
    """Masks that were brought to another size or length."""


def edit_mask(
    mask: str,
    output: Path,
    edits: Sequence[Edit] = (),
    *,
    video: str | None = None,
    object_number: int | None = None,
    threshold: int = DEFAULT_THRESHOLD,
    label: int | None = None,
) -> EditedMask:
    """Edit a mask, one step after the other, and write it as the kind that the output's name means.

    video         : whose size, length and times count; None takes those of the mask.
    object_number : of the mask, a label map, the only object that counts.
    label         : number of the object in label images; None writes no label images.
    Raises        : InputError if a mask cannot be read, or the output cannot be written.
    """
    canvas = _canvas(mask, [str(edit.value) for edit in edits if edit.name in JOINING], video, object_number)
    check_mask_name(output, canvas.frame_count, label=label)
    fitted = tuple(each for each in (mask, *_others(edits)) if not _fits(each, canvas))
    holes: Holes = _read(mask, canvas, threshold, object_number)
    for edit in edits:
        holes = _edited(holes, edit, canvas, threshold)
    marked = np.zeros(2, np.int64)

    def counted() -> Holes:
        for hole in holes:
            pixels = np.count_nonzero(hole)
            marked[:] += pixels > 0, pixels
            yield hole

    count = write_mask_file(output, counted(), canvas, label=label)
    share = float(marked[1]) / (count * canvas.height * canvas.width)
    return EditedMask(str(output), count, canvas.width, canvas.height, int(marked[0]), share, fitted)


def _canvas(mask: str, others: Sequence[str], video: str | None, object_number: int | None) -> Clip:
    """Return the clip whose size and length the result has; a single image takes the length of the others."""
    if video is not None:
        return probe(video)
    source = parse_mask(mask)
    if len(source.parts) != 1:
        raise InputError(f"{source.name}: expected one mask to begin with; join others with --add")
    canvas = canvas_of(open_alone(source, object_number), source.name)
    if canvas.frame_count > 1:
        return canvas
    longer = [_alone(other) for other in others]
    longest = max((other for other in longer if other), key=lambda other: other.frame_count, default=canvas)
    count = longest.frame_count
    return replace(canvas, frame_count=count, frames_found=count, rate=longest.rate, time_base=longest.time_base)


def _alone(mask: str) -> Clip | None:
    """Return the canvas of another mask; None for a box, which has none."""
    source = parse_mask(mask)
    try:
        return canvas_of(open_alone(source), source.name)
    except InputError:
        if source.paths:
            raise
        return None


def _others(edits: Iterable[Edit]) -> list[str]:
    return [str(edit.value) for edit in edits if edit.name in JOINING]


def _fits(mask: str, canvas: Clip) -> bool:
    marks = parse_mask(mask).sources[0].open(canvas)
    return (marks.width, marks.height) == (canvas.width, canvas.height) and marks.count in (1, canvas.frame_count)


def _read(mask: str, canvas: Clip, threshold: int, object_number: int | None = None) -> Holes:
    source = parse_mask(mask)
    return read_holes(source, canvas, threshold=threshold, object_number=object_number, fit=True)


def _edited(holes: Holes, edit: Edit, canvas: Clip, threshold: int) -> Holes:
    if edit.name in JOINING:
        other = _read(str(edit.value), canvas, threshold)
        return (JOINING[edit.name](one, two) for one, two in zip(holes, other, strict=True))
    if isinstance(edit.value, tuple):
        return _during(holes, [frames_in(canvas, span, "--between") for span in edit.value])
    if edit.name == "invert":
        return (~hole for hole in holes)
    number = int(edit.value or 0)  # the rest take a number
    if edit.name == "shift":
        return shifted(holes, number)
    if edit.name in ("grow", "shrink"):
        return (grow(hole, number if edit.name == "grow" else -number) for hole in holes)
    if edit.name == "fill":
        return (hole | pinholes(hole, number) for hole in holes)
    return (hole & ~specks(hole, number) for hole in holes)


def _during(holes: Holes, ranges: Sequence[tuple[int, int]]) -> Holes:
    for t, hole in enumerate(holes):
        yield hole if any(first <= t < stop for first, stop in ranges) else np.zeros_like(hole)
