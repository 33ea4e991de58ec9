"""What moves before a still camera, looked for in a video and proposed as a mask."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.overlays.edge_sums import sum_in_blocks
from dfvi_models.overlays.logos import stands_still
from dfvi_models.segmentation.moving_parts import Background, in_most
from dfvi_models.shots.detection import find_shot_changes, shots_between
from storage.media.clip import Clip
from storage.media.masks.writing import write_mask_file
from tasks.masks.searched_frames import clip_and_sheet, full_size, searched_frames
from tasks.masks.sheets import choose_frames, write_overlay_sheet

MOST_LEARNED = 61  # frames of a shot, spread evenly, that its background is learned from
FEWEST = 8  # frames of a shot in which what moves can be told from what stays

Hole = NDArray[np.bool_]


@dataclass(frozen=True)
class FoundMotion:
    """What was found in a video."""

    video: str
    frames: int
    marked_frames: int
    share: float
    """Of the pixels of these frames that is marked; mean."""
    moving_shots: tuple[tuple[int, int], ...]
    """First and last frame of each shot whose camera moves, or that is too short: nothing is marked there."""
    mask: str | None
    """None if nothing was found."""
    sheet: str | None


def find_moving_in(video: str, output: Path, sheet: Path | None = None) -> FoundMotion:
    """Look for what moves in the shots whose camera stands still, and write a mask of it.

    output : mask to write, of any kind.
    sheet  : PNG of frames with what moves marked; None puts it beside the mask.
    Raises : InputError if the video cannot be read, or a file cannot be written.
    """
    clip, looked_at = clip_and_sheet(video, output, sheet)
    shots = shots_between(find_shot_changes(searched_frames(clip)), clip.frame_count)
    backgrounds = _backgrounds(clip, shots)
    moving = tuple((a, b - 1) for (a, b), ground in zip(shots, backgrounds, strict=True) if ground is None)
    sizes = [int(hole.sum()) for hole in _holes(clip, shots, backgrounds)]
    if not any(sizes):
        return FoundMotion(video, clip.frame_count, 0, 0.0, moving, None, None)

    def at_full_size() -> Iterator[Hole]:
        return (full_size(hole, clip) for hole in _holes(clip, shots, backgrounds))

    write_mask_file(output, at_full_size(), clip)
    marked = sum(size > 0 for size in sizes)
    small = next(searched_frames(clip)).shape
    share = round(sum(sizes) / marked / (small[0] * small[1]), 4)
    heading = [f"what moves: in {marked} of {clip.frame_count} frames, {share:.1%} of them"]
    frames = choose_frames(clip.frame_count, [int(np.argmax(sizes))])
    write_overlay_sheet(looked_at, clip, at_full_size(), frames, notes={}, heading=heading)
    return FoundMotion(video, clip.frame_count, marked, share, moving, str(output), str(looked_at))


def _backgrounds(clip: Clip, shots: list[tuple[int, int]]) -> list[Background | None]:
    """What stays in each shot; None where the camera moves, or the shot is short."""
    frames = searched_frames(clip)
    found: list[Background | None] = []
    for first, stop in shots:
        count = stop - first
        wanted = set(np.linspace(0, count - 1, min(count, MOST_LEARNED)).round().astype(int).tolist())
        learned = [frame for t, frame in enumerate(islice(frames, count)) if t in wanted]
        still = count >= FEWEST and stands_still(sum_in_blocks(learned))
        found.append(Background.of(learned) if still else None)
    return found


def _holes(clip: Clip, shots: list[tuple[int, int]], backgrounds: list[Background | None]) -> Iterator[Hole]:
    """What moves in each frame, at the size that is searched."""
    frames = searched_frames(clip)
    for (first, stop), background in zip(shots, backgrounds, strict=True):
        shown = islice(frames, stop - first)
        if background is None:
            yield from (np.zeros(frame.shape[:2], np.bool_) for frame in shown)
        else:
            yield from _steady(background.moving(frame) for frame in shown)


def _steady(found: Iterator[Hole]) -> Iterator[Hole]:
    """What is marked in two of three neighbouring frames; at the ends what these mark."""
    before = now = next(found)
    for after in found:
        yield in_most(before, now, after)
        before, now = now, after
    yield now
