"""Where the videos of a dataset folder lie: one folder a video, or DAVIS' two trees of frames and annotations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storage.errors import InputError
from storage.media.images.folder import IMAGE_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".y4m")
MASK_SUFFIXES = (*VIDEO_SUFFIXES, *IMAGE_SUFFIXES, ".gif", ".avif", ".npy", ".npz", ".json")
MASK_NAMES = ("masks", "mask")
FRAMES, ANNOTATIONS = "JPEGImages", "Annotations"


@dataclass(frozen=True)
class Found:
    """One video of a dataset as it was found or named; nothing of it has been opened."""

    name: str
    video: str = ""
    mask: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    """Nested keys of the run configuration, for this video alone."""
    problem: str = ""
    """Why it cannot even be opened; empty if it can."""


def find_videos(folder: Path) -> list[Found]:
    """Return the videos of a dataset folder, sorted by name; empty if there is none.

    A folder without a video in it is passed by; one with a video but no mask, or several of either, has a problem.
    Raises : InputError if the folder cannot be read, or has several resolutions to choose from.
    """
    try:
        if FRAMES in folder.resolve().parts:
            return _davis(folder, _annotations_of(folder.resolve()))
        if (folder / FRAMES).is_dir():
            frames = _one_resolution(folder / FRAMES)
            return _davis(frames, _annotations_of(frames))
        return [found for each in _folders(folder) if (found := _one_folder(each))]
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: cannot be read ({error.strerror}); check its permissions"
        ) from None


def _one_folder(folder: Path) -> Found | None:
    """Return the video of a folder: `frames` or one video file, with `masks` or a file called mask or masks."""
    entries = [each for each in sorted(folder.iterdir()) if not each.name.startswith(".")]
    masks = [each for each in entries if each.stem in MASK_NAMES and (each.is_dir() or _can_be_mask(each))]
    videos = [each for each in entries if each.suffix.lower() in VIDEO_SUFFIXES and each not in masks]
    if (folder / "frames").is_dir():
        videos.append(folder / "frames")
    if not videos and not masks:
        return None
    problem = _wrong_count(videos, "frames or a video file") or _wrong_count(masks, "masks, mask.png or a mask video")
    if problem:
        return Found(folder.name, problem=f"{folder}: {problem}")
    return Found(folder.name, str(videos[0]), str(masks[0]))


def _wrong_count(found: Sequence[Path], expected: str) -> str:
    if len(found) == 1:
        return ""
    names = ", ".join(each.name for each in found) or "nothing"
    return f"expected one of {expected}; found {names}"


def _davis(frames: Path, annotations: Path) -> list[Found]:
    """Return the videos of DAVIS' layout: <frames>/<video>/*.jpg with <annotations>/<video>/*.png."""
    found = []
    for video in _folders(frames):
        mask = annotations / video.name
        if mask.is_dir():
            found.append(Found(video.name, str(video), str(mask)))
        else:
            found.append(Found(video.name, problem=f"{video}: has no annotation; expected the folder {mask}"))
    return found


def _one_resolution(frames: Path) -> Path:
    """Return JPEGImages itself if the videos lie in it, else the one folder below it that they lie in."""
    below = _folders(frames)
    if any(_holds_images(each) for each in below) or not below:
        return frames
    if len(below) > 1:
        names = ", ".join(each.name for each in below)
        raise InputError(f"{frames} has several resolutions: {names}; name one as the dataset: {below[0]}")
    return below[0]


def _annotations_of(frames: Path) -> Path:
    """Return the folder of annotations that stands for a folder of frames: the last JPEGImages in its path replaced."""
    parts = list(frames.parts)
    at = len(parts) - 1 - parts[::-1].index(FRAMES)
    return Path(*parts[:at], ANNOTATIONS, *parts[at + 1 :])


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))


def _holds_images(folder: Path) -> bool:
    return any(each.suffix.lower() in IMAGE_SUFFIXES for each in folder.iterdir())


def _can_be_mask(path: Path) -> bool:
    return path.suffix.lower() in MASK_SUFFIXES
