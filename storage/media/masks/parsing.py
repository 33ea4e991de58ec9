"""What a user means by a mask: the list of kinds, asked one after the other."""

import os
from collections.abc import Iterable
from pathlib import Path

from storage.errors import InputError, reading
from storage.media.clip import find_source
from storage.media.masks.kinds.alpha import AlphaMask
from storage.media.masks.kinds.array import ArrayMask
from storage.media.masks.kinds.box import BoxMask
from storage.media.masks.kinds.coco_rle import CocoMask
from storage.media.masks.kinds.image import FolderMask, ImageMask
from storage.media.masks.kinds.timed import TimedMask
from storage.media.masks.kinds.union import SEPARATOR, UnionMask
from storage.media.masks.kinds.video import VideoMask
from storage.media.masks.source import MaskSource
from storage.media.times import Span, parse_span

WORDS: tuple[type[MaskSource], ...] = (AlphaMask, BoxMask)
"""Kinds that are no file; a file of such a name must be written ./name."""
FILES: tuple[type[MaskSource], ...] = (FolderMask, ArrayMask, CocoMask, ImageMask, VideoMask)
"""Kinds that are read from a file or folder; the last one takes whatever is left."""


def parse_mask(text_or_path: str | os.PathLike[str]) -> UnionMask:
    """Return the masks that a text names, one a line, or the one of a path.

    A mask is `alpha`, a box such as `10,20,64,48`, or a file or folder; a path object or `./name` is always a file.
    With @ and a time after it, as in `logo.png@0:10-0:45.5`, it counts in that time only; a file of just this name is
    that file.
    Raises: InputError if there is no such file, a box has no area, a file has a name that also means a box or alpha, or
    what stands after the @ of a mask is no time.
    """
    if not isinstance(text_or_path, str):
        return UnionMask((_parse_file(os.fspath(text_or_path)),))
    texts = [line for line in text_or_path.split(SEPARATOR) if line.strip()] or [text_or_path]
    if not text_or_path:
        raise InputError("the mask is empty text; give a file, a folder, alpha, or a box x,y,w,h")
    with reading(f"mask {text_or_path!r}"):
        return UnionMask(tuple(_parse_one(text) for text in texts))


def join_masks(texts: Iterable[str]) -> str:
    """Return one text that stands for the union of masks."""
    return SEPARATOR.join(texts)


def place_masks(text: str, folder: Path) -> str:
    """Return the text of a mask with relative paths placed below a folder; a box and `alpha` stay."""
    with reading(f"mask {text!r}"):
        return join_masks(_place_one(line, folder) for line in text.splitlines())


def _place_one(text: str, folder: Path) -> str:
    return text if _is_word(_split(text)[0]) else str(folder / Path(text).expanduser())


def _is_word(text: str) -> bool:
    return any(kind.recognise(text, is_path=False) for kind in WORDS)


def _split(text: str) -> tuple[str, Span | None]:
    """Return a mask and its time; None where it has none, as in logo@2x.png, or where a file has the whole name."""
    mask, _, time = text.rpartition("@")
    if not mask or _exists(text):
        return text, None
    try:
        return mask, parse_span(time)
    except InputError as error:
        if _exists(mask) or _is_word(mask):
            raise InputError(f"mask {text!r}: {error}") from None
        return text, None


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:  # a name that is too long
        return False


def _parse_one(text: str) -> MaskSource | TimedMask:
    mask, span = _split(text)
    return TimedMask(_parse_untimed(mask), span) if span else _parse_untimed(mask)


def _parse_untimed(text: str) -> MaskSource:
    for kind in WORDS:
        if source := kind.recognise(text, is_path=False):
            if _exists(text):
                raise InputError(
                    f"mask {text!r} means a file of that name or not; write ./{text} for the file, or rename it"
                )
            return source
    return _parse_file(text)


def _parse_file(text: str) -> MaskSource:
    try:
        path = find_source(text)
    except InputError as error:
        *others, last = dict.fromkeys(kind.expected for kind in (*FILES, *WORDS))
        raise InputError(f"mask {error}; expected {', '.join(others)}, or {last}") from None
    for kind in FILES:
        if source := kind.recognise(str(path), is_path=True):
            return source
    raise InputError(f"mask {path}: no kind of mask that we read")
