"""Names of videos: what a file or folder is called, made safe as the name of a folder in a root."""

import hashlib
import os
import re
import unicodedata
from pathlib import Path

LONGEST_NAME = 80
MOST_BYTES = 160  # a lock file's name also holds the stage and the digest, and ends at 255
HASH_LENGTH = 8
LOST = "\0"  # stands for what a name cannot hold
WITHOUT_A_NAME = ("frames", "video")
"""What is called so has its name from the folder it lies in."""


def video_name(text: str) -> str:
    """Turn any name of a video into one that is safe as a folder name; equal names stay equal.

    Letters and digits of all scripts are kept, in Unicode's composed form (NFC). Where others had to be replaced or
    cut off, so that two names could meet, a hash is added; not to ASCII names, which stay what they always were.

    >>> video_name("../goat 1.mp4")
    'goat_1.mp4'
    >>> video_name("Été 1"), video_name("猫")
    ('Été_1', '猫')
    """
    if text.isascii():
        return earlier_name(text)
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(character if _is_kept(character) else LOST for character in composed)
    whole = re.sub(f"{LOST}+", "_", kept).lstrip("._-")
    lost_letters = any(new == LOST and not old.isascii() for new, old in zip(kept, composed, strict=True))
    if not lost_letters and whole == _shorten(whole) and is_safe_name(whole):
        return whole
    start = next((i for i, character in enumerate(whole) if character.isalnum()), len(whole))
    return distinct_name(whole[start:] or "video", composed)


def distinct_name(name: str, text: str) -> str:
    """Add to a safe `name` a hash of `text`, which tells it from others that would be called the same."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
    return f"{_shorten(name, HASH_LENGTH + 1)}-{digest}"


def name_of_video(path: str | os.PathLike[str]) -> str:
    """Return the name of the video at `path`: goat for goat.mp4, and for goat/frames."""
    return video_name(title_of_video(path))


def title_of_video(path: str | os.PathLike[str]) -> str:
    """Return what the video at `path` is called, as it stands there: its own name, or that of its folder."""
    file = Path(path).absolute()
    return file.parent.name if file.stem in WITHOUT_A_NAME and file.parent.name else file.stem


def earlier_name_of_video(path: str | os.PathLike[str]) -> str:
    """Return the name that the first version gave the video at `path`."""
    return earlier_name(Path(path).stem)


def earlier_name(text: str) -> str:
    """Return the name that the first version gave: with letters, digits, '.', '_' and '-' of ASCII alone.

    >>> earlier_name("Été 1")
    't_1'
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:LONGEST_NAME] or "video"


def is_safe_name(name: str) -> bool:
    """Tell whether `name` may be a folder or file in a root: one visible path component that leads nowhere else."""
    return (
        bool(name)
        and (name[0].isalnum() or name[0] == "_")
        and all(_is_kept(character) for character in name)
        and unicodedata.normalize("NFC", name) == name
        and len(name.encode()) <= MOST_BYTES
    )


def _is_kept(character: str) -> bool:
    return character.isalnum() or character in "._-" or unicodedata.category(character) in ("Mn", "Mc")


def _shorten(name: str, room: int = 0) -> str:
    """Cut a name, leaving `room` for as many ASCII characters."""
    name = name[: LONGEST_NAME - room]
    while len(name.encode("utf-8", "surrogatepass")) > MOST_BYTES - room:
        name = name[:-1]
    return name
