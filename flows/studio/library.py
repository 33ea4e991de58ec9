"""The folder whose videos the studio opens: what lies in it, and what a name that the page sends means."""

import os
from collections.abc import Iterator
from pathlib import Path

from flows.studio.document import Plain
from flows.studio.project import SUFFIX
from storage.errors import InputError
from storage.media.images.folder import IMAGE_SUFFIXES

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".gif")
MOST_ENTRIES = 2000


class Entry(Plain):
    """Something in a folder that can be opened."""

    name: str
    path: str
    """Below the library's folder."""
    kind: str
    """`video`, `images` for a folder of frames, or `folder`."""
    has_project: bool = False
    bytes: int = 0


class Library:
    """Videos in a folder and below it, and nothing outside."""

    def __init__(self, folder: Path) -> None:
        """Show what lies in `folder`."""
        self.folder = folder.resolve()

    def find(self, name: str) -> Path:
        """Return the path of a file or folder by its name below the library's folder.

        Raises : InputError if there is none, or it lies elsewhere, also by way of a link.
        """
        try:
            path = (self.folder / name).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            raise InputError(f"there is no {name!r} in {self.folder.name}") from None
        if not path.is_relative_to(self.folder):
            raise InputError(f"{name!r} lies outside of {self.folder.name}; start the studio with its folder")
        return path

    def name_of(self, path: Path) -> str:
        """Return the name of a path below the library's folder; what is no text in it is kept as Python keeps it."""
        return str(path.relative_to(self.folder))

    def entries(self, name: str) -> list[Entry]:
        """Return what can be opened in a folder, folders first. Raises InputError as `find`."""
        folder = self.find(name)
        try:
            paths = sorted(folder.iterdir(), key=lambda path: path.name.casefold())[:MOST_ENTRIES]
        except OSError as error:
            raise InputError(f"{folder.name} cannot be read ({error.strerror})") from None
        found = list(self._entries(paths))
        return [each for each in found if each.kind == "folder"] + [each for each in found if each.kind != "folder"]

    def _entries(self, paths: list[Path]) -> Iterator[Entry]:
        for path in paths:
            if path.name.startswith(".") or not _is_text(path.name) or not self._is_inside(path):
                continue
            has_project = path.with_name(f"{path.name}{SUFFIX}").is_dir()
            if path.is_dir() and path.suffix != SUFFIX:
                kind = "images" if _has_images(path) else "folder"
                yield Entry(name=path.name, path=self.name_of(path), kind=kind, has_project=has_project)
            elif path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES:
                size = path.stat().st_size
                yield Entry(name=path.name, path=self.name_of(path), kind="video", has_project=has_project, bytes=size)

    def _is_inside(self, path: Path) -> bool:
        return not path.is_symlink() or path.resolve().is_relative_to(self.folder)


def _has_images(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(Path(entry.name).suffix.lower() in IMAGE_SUFFIXES for entry in entries)
    except OSError:
        return False


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
