"""The seam between stores and what they lie on: a folder of this machine, or a prefix of an object store.

All that stores do to files they do through a `StorePath`. Names that pathlib has mean what they mean there.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from storage.backends.file_lock import Lock


class Usage(NamedTuple):
    """How much a folder holds, and when it was changed."""

    size: int
    """Bytes of all files below it."""
    modified: float
    """Seconds since the epoch of its last change."""


class StorePath(Protocol):
    """A file or a folder below a root; it need not exist. `str` gives the path or URL that messages name.

    Every method raises OSError where the disk or the server fails.
    """

    @property
    def name(self) -> str:
        """Last part of the path."""

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts of the path; the last three of a stage store are its video, stage and digest."""

    @property
    def parent(self) -> Self:
        """The folder this lies in."""

    def __truediv__(self, name: str) -> Self: ...

    def exists(self) -> bool:
        """Tell whether there is a file, or a folder with something in it, of this name."""

    def is_symlink(self) -> bool:
        """Tell whether this is a symbolic link: object stores have none."""

    def modified(self) -> float:
        """Return when this file was last changed, in seconds since the epoch; FileNotFoundError if there is none."""

    def usage(self) -> Usage:
        """Return how much this folder holds, and when it was changed."""

    def names(self) -> set[str]:
        """Return the names of the files and folders right in this folder."""

    def subfolders(self) -> list[Self]:
        """Return the folders right in this folder, by name; none if it does not exist. Links are no folders."""

    def read_bytes(self) -> bytes:
        """Return the content of this file; FileNotFoundError if there is none, LinkError if it is a link."""

    def read_blocks(self) -> Iterator[bytes]:
        """Read this file block by block; raises like `read_bytes`."""

    def write_whole(self, content: bytes, *, durable: bool = True) -> None:
        """Write this file so that a reader sees the old one or the whole new one.

        durable : also after a power cut, which takes its time on a disk.
        """

    def make(self) -> None:
        """Make this folder, where folders need making."""

    def sweep(self, *, untouched_for: float = 0.0) -> None:
        """Remove what writers that were killed have left in this folder, if it is older than so many seconds."""

    def remove(self) -> None:
        """Remove this file, or this folder with all that is in it; do nothing if there is none."""

    def receive(self, names: Sequence[str]) -> AbstractContextManager[Path]:
        """Give a folder of this machine to write files of these names into; they lie here at the end of the block."""

    def lock(self) -> Lock:
        """Return a lock that is kept in this file."""

    def check_locks(self) -> None:
        """Make sure that locks in this folder keep others out; InputError if they cannot."""
