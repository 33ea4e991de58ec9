"""A path on a disk of this machine, with the few things that stores need and pathlib lacks.

What lies below a root is ours alone, so a symbolic link in there leads to something that is not ours: nothing is read,
written, locked or removed through one.
"""

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path, PosixPath

from storage.backends.atomic_write import appears_when_complete
from storage.backends.errors import LinkError
from storage.backends.file_lock import FileLock
from storage.backends.store_path import Usage

BLOCK_BYTES = 2**20


class LocalPath(PosixPath):
    """A file or folder on a disk; see `StorePath`."""

    def modified(self) -> float:
        """Return when the file was changed."""
        return self.lstat().st_mtime

    def usage(self) -> Usage:
        """Return the bytes below, and the last change of the folder or of what lies right in it."""
        size = sum(path.lstat().st_size for path in self.rglob("*") if path.is_file() and not path.is_symlink())
        return Usage(size, max(path.lstat().st_mtime for path in (self, *self.iterdir())))

    def names(self) -> set[str]:
        """Return the names in the folder; FileNotFoundError if there is none."""
        return set(os.listdir(self))  # noqa: PTH208 (names are all that is wanted)

    def subfolders(self) -> list["LocalPath"]:
        """Return the folders right in this one, by name."""
        if not self.is_dir():
            return []
        with os.scandir(self) as entries:
            return [self / name for name in sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))]

    def read_bytes(self) -> bytes:
        """Return the content of the file."""
        with self._open_plain() as file:
            return file.read()

    def read_blocks(self) -> Iterator[bytes]:
        """Read the file block by block."""
        with self._open_plain() as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def write_whole(self, content: bytes, *, durable: bool = True) -> None:
        """Write under another name, flush to the disk if it is to be durable, rename."""
        with appears_when_complete(self, durable=durable) as partial:
            partial.write_bytes(content)

    def make(self) -> None:
        """Make the folder and those above it."""
        self.mkdir(parents=True, exist_ok=True)

    def sweep(self, *, untouched_for: float = 0.0) -> None:
        """Remove files that a killed writer had not yet renamed."""
        for folder in (self, *self.subfolders()):
            for path in (folder / name for name in folder.names() if name.endswith(".partial")):
                with suppress(FileNotFoundError):  # renamed meanwhile
                    if path.modified() <= time.time() - untouched_for:
                        path.remove()

    def remove(self) -> None:
        """Remove the file or the tree; of a link, the link."""
        if self.is_dir() and not self.is_symlink():
            shutil.rmtree(self)
        else:
            self.unlink(missing_ok=True)

    @contextmanager
    def receive(self, names: Sequence[str]) -> Iterator[Path]:
        """Give the folder itself; what lay there under these names is removed first."""
        for name in names:
            (self / name).unlink(missing_ok=True)
        yield self

    def lock(self) -> FileLock:
        """Return a lock that the kernel keeps."""
        return FileLock(self)

    def check_locks(self) -> None:
        """Do nothing: the kernel keeps the locks."""

    def _open_plain(self) -> FileIO:
        try:
            return FileIO(self, "rb", opener=_without_following)
        except OSError as error:
            raise LinkError(self) if error.errno == errno.ELOOP else error from None


def _without_following(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)
