"""Digests of media files that are looked at again and again, without reading them each time.

A dataset that is watched, or run again for what is stale, would be read whole every time only to see that nothing has
changed. So a digest is believed as long as name, size, times and number (inode) of every file are as they were. It only
decides whether a video is looked at: a run reads the files again.
"""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

import platformdirs

from storage.media.masks.parsing import parse_mask
from tasks.decode import MediaInput

FRESH_SECONDS = 2.0
"""A file may change again within the resolution of its time: a digest of what is so fresh is not remembered."""


def remembered(kind: Literal["video", "mask"], text: str) -> MediaInput:
    """Return a video or a mask with the digest of its content, remembered if its files are as they were.

    Raises : InputError if it cannot be read.
    """
    files = [Path(text)] if kind == "video" else list(map(Path, parse_mask(text).paths))
    stamp, newest = _stamp(files)
    with suppress(sqlite3.Error, OSError), closing(_open()) as known:
        for (digest,) in known.execute(
            "SELECT digest FROM media WHERE text = ? AND stamp = ?", (f"{kind} {text}", stamp)
        ):
            return MediaInput(text, kind, digest)
    found = MediaInput.video(text) if kind == "video" else MediaInput.mask(text)
    if time.time() - newest > FRESH_SECONDS and _stamp(files)[0] == stamp:
        with suppress(sqlite3.Error, OSError), closing(_open()) as known, known:
            known.execute("INSERT OR REPLACE INTO media VALUES (?, ?, ?)", (f"{kind} {text}", stamp, found.digest))
    return found


def _open() -> sqlite3.Connection:
    folder = platformdirs.user_cache_path("dfvi")
    folder.mkdir(parents=True, exist_ok=True)
    known = sqlite3.connect(folder / "digests.sqlite3", timeout=5.0)
    known.execute("CREATE TABLE IF NOT EXISTS media (text TEXT PRIMARY KEY, stamp TEXT, digest TEXT)")
    return known


def _stamp(paths: list[Path]) -> tuple[str, float]:
    """Return what stands for files and all files below folders, and when the newest was changed (seconds)."""
    total, newest = hashlib.sha256(), 0.0
    for path in paths:
        for file in _files(path):
            facts = file.stat()
            total.update(
                f"{file}\0{facts.st_size}\0{facts.st_mtime_ns}\0{facts.st_ctime_ns}\0{facts.st_ino}\0".encode()
            )
            newest = max(newest, facts.st_mtime, facts.st_ctime)
    return total.hexdigest(), newest


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(below for below in path.rglob("*") if below.is_file())
    elif path.exists():
        yield path
