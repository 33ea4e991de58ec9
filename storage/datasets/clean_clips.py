"""A folder of clips to evaluate with, and whose object mask is laid over whose frames."""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.cache.names import video_name
from storage.datasets.video_folders import VIDEO_SUFFIXES
from storage.errors import InputError
from storage.media.clip import find_source
from storage.media.images.folder import IMAGE_SUFFIXES

FRAMES, MASKS = "frames", "masks"


@dataclass(frozen=True)
class CleanClip:
    """One clip whose frames are the truth."""

    name: str
    """Safe as a folder name, and unique in its set."""
    video: Path
    """Video file or folder of images."""
    masks: Path | None = None
    """Folder with a mask image a frame, of an object in the clip."""


def find_clips(folder: Path) -> list[CleanClip]:
    """Return the clips of a folder: subfolders <clip>/frames, with <clip>/masks or without, plain folders of images
    and video files.

    Raises : InputError if there is no clip, or two of them share a name.
    """
    if not find_source(folder).is_dir():
        raise InputError(f"{folder} is a file; name the folder that holds the clips")
    found = [clip for path in folder.iterdir() if path.name[0] != "." and (clip := _clip_at(path))]
    found.sort(key=lambda clip: (clip.name, clip.video))
    if not found:
        raise InputError(
            f"{folder} holds no clip; expected subfolders <clip>/{FRAMES} and <clip>/{MASKS}, folders of images, or "
            "video files"
        )
    for first, second in itertools.pairwise(found):
        if first.name == second.name:
            raise InputError(f"{first.video} and {second.video} would share the name {first.name}; rename one of them")
    return found


def choose_clips(clips: Sequence[CleanClip], names: Sequence[str]) -> list[CleanClip]:
    """Return the named ones of `clips`; all of them if no name is given.

    Raises : InputError for a name that is not among them.
    """
    there = {clip.name: clip for clip in clips}
    for name in names:
        if name not in there:
            raise InputError(f"there is no clip {name!r}; there are {', '.join(there)}")
    return [there[name] for name in names] if names else list(clips)


def shuffled_masks(clips: Sequence[CleanClip], seed: int) -> dict[str, Path]:
    """Return for the name of each clip the folder with the object masks of another clip.

    Clips stand in a circle ordered by a hash of their name and the seed, and each takes the masks of the next: equal
    on every machine, and another clip in the folder changes few of the pairs.
    Raises : InputError if a clip finds no other with masks.
    """
    circle = sorted(clips, key=lambda clip: hashlib.sha256(f"{seed} {clip.name}".encode()).digest())
    pairs = {}
    for place, clip in enumerate(circle):
        others = [other.masks for other in (*circle[place + 1 :], *circle[:place]) if other.masks is not None]
        if not others:
            raise InputError(
                f"object holes come from other clips, and none but {clip.name} has a folder {MASKS} beside its "
                f"{FRAMES}; add some, or leave object out of --holes"
            )
        pairs[clip.name] = others[0]
    return pairs


def pictures_beside(masks: Path) -> Path:
    """Return the folder of the frames that masks found by `find_clips` belong to."""
    return masks.parent / FRAMES


def keep_back(names: Sequence[str], share: float, seed: int) -> set[str]:
    """Return the names to keep back from training: about `share` of them, and at least one if there are several.

    They come first in an order by a hash of name and seed: equal on every machine, and a new clip moves few others.
    """
    order = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    wanted = max(round(share * len(order)), 1) if share > 0 and len(order) > 1 else 0
    return set(order[:wanted])


def clip_seed(name: str, seed: int) -> int:
    """Return the seed of one clip, 0 to 2^32 - 1, made of its name and the seed of the whole evaluation."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:4], "big")


def _clip_at(path: Path) -> CleanClip | None:
    if path.is_file():
        return CleanClip(video_name(path.stem), path) if path.suffix.lower() in VIDEO_SUFFIXES else None
    if (path / FRAMES).is_dir():
        masks = path / MASKS
        return CleanClip(video_name(path.name), path / FRAMES, masks if masks.is_dir() else None)
    holds_images = path.is_dir() and any(file.suffix.lower() in IMAGE_SUFFIXES for file in path.iterdir())
    return CleanClip(video_name(path.name), path) if holds_images else None
