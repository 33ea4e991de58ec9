"""Writing a tracked object: a mask file of any kind, and pictures to look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.segmentation.certainty import UNSURE, first_to_correct
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.image_folder import IMAGE_SUFFIXES
from storage.media.masks.writing import VIDEO_SUFFIXES, write_mask_file
from storage.media.reading import read_frames
from storage.media.writing import write_video
from tasks.masks.sheets import choose_frames, overlaid, write_overlay_sheet
from tasks.tracking.tracked_object import TrackedObject


@dataclass(frozen=True)
class FrameFacts:
    """What is said of one frame."""

    frame: int
    pixels: int
    """That are marked."""
    certainty: float
    is_given: bool


@dataclass(frozen=True)
class TrackFacts:
    """What is said of a track."""

    frames: tuple[FrameFacts, ...]
    certainty: float
    """Mean over the frames that were followed; 1 where every frame was given."""
    unsure: int
    """Frames to look at."""
    correct_first: int | None
    shots_without: tuple[tuple[int, int], ...]
    """First and last frame of each shot in which the object is not given, and not marked."""


def write_track(path: Path, tracked: TrackedObject, clip: Clip) -> TrackFacts:
    """Write an object as the kind of mask that the name means, and say how sure each frame is.

    Raises : InputError if it cannot be written.
    """
    frames: list[FrameFacts] = []

    def holes() -> Iterator[NDArray[np.bool_]]:
        for found in tracked:
            pixels = int(np.count_nonzero(found.mask))
            frames.append(FrameFacts(found.frame, pixels, round(found.certainty, 3), found.is_given))
            yield found.mask

    write_mask_file(path, holes(), clip)
    return _facts(frames, tracked.shots_without())


def _facts(frames: Sequence[FrameFacts], without: Sequence[tuple[int, int]]) -> TrackFacts:
    is_tracked = np.ones(len(frames), bool)
    for first, stop in without:
        is_tracked[first:stop] = False
    given = [frame.frame for frame in frames if frame.is_given]
    certainty = np.array([frame.certainty for frame in frames], np.float32)
    followed = is_tracked.copy()
    followed[given] = False
    return TrackFacts(
        frames=tuple(frames),
        certainty=float(certainty[followed].mean()) if followed.any() else 1.0,
        unsure=int(np.count_nonzero(certainty[followed] < UNSURE)),
        correct_first=first_to_correct(certainty, given, is_tracked),
        shots_without=tuple((first, stop - 1) for first, stop in without),
    )


def check_preview_name(path: Path) -> None:
    """Raise InputError if no preview can be written under a name."""
    if path.suffix.lower() not in (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES):
        raise InputError(f"{path}: a preview is an image (.png) or a video (.mp4, .mkv, .mov)")


def write_preview(path: Path, tracked: TrackedObject, clip: Clip, facts: TrackFacts) -> None:
    """Write the video with the object tinted and outlined, or an image of some frames of it.

    Raises : InputError if it cannot be written.
    """
    if path.suffix.lower() in VIDEO_SUFFIXES:
        pairs = zip(read_frames(clip), tracked, strict=True)
        write_video(path, (overlaid(frame, found.mask) for frame, found in pairs), clip)
        return
    given = [frame.frame for frame in facts.frames if frame.is_given]
    notes = {frame.frame: f"certainty {frame.certainty:.2f}" for frame in facts.frames}
    notes |= dict.fromkeys(given, "given")
    if facts.correct_first is not None:
        notes[facts.correct_first] += ", correct this first"
    wanted = [*given, *(() if facts.correct_first is None else (facts.correct_first,))]
    shown = choose_frames(clip.frame_count, wanted)
    heading = [f"{clip.path}: followed from {len(given)} given frames, certainty {facts.certainty:.2f} in the mean"]
    write_overlay_sheet(path, clip, (found.mask for found in tracked), shown, notes=notes, heading=heading)
