"""A place on a disk of this machine: a path with the few things that stores need and pathlib lacks."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PosixPath
from uuid import uuid4

from storage.backends.file_lock import FileLock
from storage.backends.store_path import Usage


class LocalPath(PosixPath):
    """A file or folder on a disk; see `StorePath`."""

    def modified(self) -> float:
        """When the file was changed."""
        return self.stat().st_mtime

    def usage(self) -> Usage:
        """Bytes below, and the last change of the folder or of what lies right in it. Links are not followed."""
        size = sum(path.lstat().st_size for path in self.rglob("*") if path.is_file() and not path.is_symlink())
        return Usage(size, max(path.lstat().st_mtime for path in (self, *self.iterdir())))

    def names(self) -> set[str]:
        """Names in the folder; FileNotFoundError if there is none."""
        return set(os.listdir(self))  # noqa: PTH208 (names are all that is wanted)

    def subfolders(self) -> list["LocalPath"]:
        """Folders right in this one, by name."""
        if not self.is_dir():
            return []
        with os.scandir(self) as entries:
            return [self / name for name in sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))]

    def write_whole(self, content: bytes, *, durable: bool = True) -> None:
        """Write under another name, flush to the disk if it is to be durable, rename."""
        partial = self.with_name(f".{self.name}.{uuid4().hex}.partial")
        try:
            with partial.open("wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            partial.replace(self)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def make(self) -> None:
        """Make the folder and those above it."""
        self.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove files that a killed writer had not yet renamed."""
        for leftover in [*self.glob("*.partial"), *self.glob(".*.partial"), *self.glob("*/*.partial")]:
            leftover.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the file or the tree; of a link, the link."""
        if self.is_dir() and not self.is_symlink():
            shutil.rmtree(self)
        else:
            self.unlink(missing_ok=True)

    @contextmanager
    def receive(self, names: Sequence[str]) -> Iterator[Path]:  # noqa: ARG002 (they are written in place)
        """The folder itself."""
        yield self

    @contextmanager
    def local_copy(self) -> Iterator[Path]:
        """The file itself."""
        yield self

    def lock(self) -> FileLock:
        """A lock that the kernel keeps."""
        return FileLock(self)

    def check_locks(self) -> None:
        """Nothing to do: the kernel keeps them."""
