"""Writing tracked objects: a mask file of any kind, and pictures to look at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dfvi_models.segmentation.certainty import UNSURE, first_to_correct
from dfvi_models.segmentation.labels import label_objects
from storage.errors import InputError
from storage.media.clip import Clip
from storage.media.images.folder import IMAGE_SUFFIXES
from storage.media.masks.writing import VIDEO_SUFFIXES, write_label_folder, write_mask_file
from storage.media.reading import read_frames
from storage.media.writing import write_video
from tasks.masks.sheets import choose_frames, overlaid, write_overlay_sheet
from tasks.tracking.tracked_object import FoundFrame, TrackedObject

TrackedObjects = Mapping[int, TrackedObject]
"""Number of each object, and what is known of it."""


@dataclass(frozen=True)
class FrameFacts:
    """What is said of an object in one frame."""

    frame: int
    pixels: int
    """That are marked."""
    certainty: float
    is_given: bool


@dataclass(frozen=True)
class TrackFacts:
    """What is said of the track of an object."""

    frames: tuple[FrameFacts, ...]
    certainty: float
    """Mean over the frames that were followed; 1 where every frame was given."""
    unsure: int
    """Frames to look at."""
    correct_first: int | None
    shots_without: tuple[tuple[int, int], ...]
    """First and last frame of each shot in which the object is not given, and not marked."""


def write_track(path: Path, tracked: TrackedObjects, clip: Clip) -> dict[int, TrackFacts]:
    """Write objects as the kind of mask that the name means, and say how sure each frame of each of them is.

    Several objects go into a folder as label images; any other kind of mask has all of them as one.
    Raises : InputError if it cannot be written.
    """
    frames: dict[int, list[FrameFacts]] = {number: [] for number in tracked}

    def labels() -> Iterator[NDArray[np.uint8]]:
        for found, labelled in _labelled(tracked):
            for number, one in found.items():
                pixels = int(np.count_nonzero(labelled == number))
                frames[number].append(FrameFacts(one.frame, pixels, round(one.certainty, 3), one.is_given))
            yield labelled

    if len(tracked) > 1 and not path.suffix:
        write_label_folder(path, labels(), clip)
    else:
        write_mask_file(path, (labelled > 0 for labelled in labels()), clip)
    return {number: _facts(frames[number], each.shots_without()) for number, each in tracked.items()}


def _labelled(tracked: TrackedObjects) -> Iterator[tuple[dict[int, FoundFrame], NDArray[np.uint8]]]:
    """The objects in each frame, and the number of the one that each pixel belongs to."""
    for each in zip(*tracked.values(), strict=True):
        found = dict(zip(tracked, each, strict=True))
        yield found, label_objects({number: one.share for number, one in found.items()})


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


def write_preview(path: Path, tracked: TrackedObjects, clip: Clip, facts: Mapping[int, TrackFacts]) -> None:
    """Write the video with the objects tinted and outlined, or an image of some frames of it.

    Raises : InputError if it cannot be written.
    """
    labels = (labelled for _, labelled in _labelled(tracked))
    if path.suffix.lower() in VIDEO_SUFFIXES:
        pairs = zip(read_frames(clip), labels, strict=True)
        write_video(path, (overlaid(frame, labelled) for frame, labelled in pairs), clip)
        return
    notes = _notes(facts)
    wanted = [t for each in facts.values() for t in (*_given(each), *_first(each))]
    shown = choose_frames(clip.frame_count, wanted)
    heading = [
        f"{clip.path}: object {number} followed from {len(_given(each))} given frames, certainty {each.certainty:.2f} "
        "in the mean"
        for number, each in facts.items()
    ]
    write_overlay_sheet(path, clip, labels, shown, notes=notes, heading=heading)


def _given(facts: TrackFacts) -> list[int]:
    return [frame.frame for frame in facts.frames if frame.is_given]


def _first(facts: TrackFacts) -> list[int]:
    return [] if facts.correct_first is None else [facts.correct_first]


def _notes(facts: Mapping[int, TrackFacts]) -> dict[int, str]:
    """What stands below each frame: of the object that is named first, or least sure."""
    notes: dict[int, tuple[float, str]] = {}
    for number, each in facts.items():
        name = f"object {number}: " if len(facts) > 1 else ""
        for frame in each.frames:
            text = f"{name}certainty {frame.certainty:.2f}"
            if frame.is_given:
                text = f"{name}given"
            elif frame.frame in _first(each):
                text += ", correct this first"
            rank = -1.0 if frame.frame in _first(each) else frame.certainty
            notes[frame.frame] = min(notes.get(frame.frame, (2.0, "")), (rank, text))
    return {t: text for t, (_, text) in notes.items()}
