"""Captions looked for in a video, and proposed as a mask that is there when they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dfvi_models.overlays.captions import Caption, CaptionFinder, step_for
from storage.media.clip import Clip
from storage.media.masks.writing import write_mask_file
from tasks.masks.searched_frames import clip_and_sheet, full_size, searched_frames
from tasks.masks.sheets import choose_frames, clock, write_overlay_sheet

MOST_NAMED = 8  # captions above the sheet


@dataclass(frozen=True)
class FoundCaption:
    """A line of text that is proposed."""

    first: int
    """Frame from which it is there."""
    stop: int
    """Frame from which it is no longer."""
    box: tuple[int, int, int, int]
    """x, y, width, height, pixels."""


@dataclass(frozen=True)
class FoundCaptions:
    """What was found in a video."""

    video: str
    frames: int
    captions: tuple[FoundCaption, ...]
    mask: str | None
    """All of them; None if nothing was found."""
    sheet: str | None


def find_captions_in(video: str, output: Path, sheet: Path | None = None) -> FoundCaptions:
    """Look for lines of text that come and go, and write one mask of all.

    output : mask to write, of any kind.
    sheet  : PNG of frames with the captions marked; None puts it beside the mask.
    Raises : InputError if the video cannot be read, or a file cannot be written.
    """
    clip, looked_at = clip_and_sheet(video, output, sheet)
    finder = CaptionFinder(step_for(float(clip.rate)))
    for frame in searched_frames(clip):
        finder.look(frame)
    shown = _with_times(clip, finder.captions())
    found = tuple(
        FoundCaption(first, stop, _box(full_size(caption.logo.marked, clip))) for caption, (first, stop) in shown
    )
    if not found:
        return FoundCaptions(video, clip.frame_count, (), None, None)
    write_mask_file(output, _holes(clip, shown), clip)
    heading = [
        f"{clock(clip, each.first)} to {clock(clip, each.stop - 1)}, at {each.box[0]},{each.box[1]}"
        for each in found[:MOST_NAMED]
    ]
    comes = [each.first for each in found]
    frames = choose_frames(clip.frame_count, comes)
    notes = dict.fromkeys(comes, "a caption comes")
    write_overlay_sheet(looked_at, clip, _holes(clip, shown), frames, notes=notes, heading=heading)
    return FoundCaptions(video, clip.frame_count, found, str(output), str(looked_at))


def _with_times(clip: Clip, captions: list[Caption]) -> list[tuple[Caption, tuple[int, int]]]:
    """The captions that come and go at once, and the frames from and to which they are there."""
    presence: list[list[float]] = [[] for _ in captions]
    for t, frame in enumerate(searched_frames(clip)):
        for caption, values in zip(captions, presence, strict=True):
            if caption.near[0] <= t < caption.near[1]:
                values.append(caption.logo.presence(frame))
    times = [caption.times(values) for caption, values in zip(captions, presence, strict=True)]
    return [(caption, span) for caption, spans in zip(captions, times, strict=True) for span in spans]


def _holes(clip: Clip, shown: list[tuple[Caption, tuple[int, int]]]) -> Iterator[NDArray[np.bool_]]:
    nothing = np.zeros((clip.height, clip.width), np.bool_)
    marked: dict[int, NDArray[np.bool_]] = {}
    for t in range(clip.frame_count):
        there = [number for number, (_, (first, stop)) in enumerate(shown) if first <= t < stop]
        marked = {n: marked[n] if n in marked else full_size(shown[n][0].logo.marked, clip) for n in there}
        yield np.any(list(marked.values()), axis=0) if marked else nothing


def _box(marked: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    x, y, wide, high = cv2.boundingRect(marked.astype(np.uint8))
    return x, y, wide, high
