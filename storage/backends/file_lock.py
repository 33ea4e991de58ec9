"""Locks that die with their holder: who may write a store, and who waits.

On a disk the kernel keeps them: flock(2) on a file, released also after kill -9.
"""

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.backends.errors import LinkError


class Lock(Protocol):
    """A lock that one process at a time can hold."""

    poll_seconds: float
    """How long to wait before asking again."""

    def take(self) -> bool:
        """Take the lock if it is free, and tell whether it is ours now."""

    def holder(self) -> str:
        """Say who holds it, for those who wait."""

    def check(self) -> None:
        """Make sure that the lock is still ours; OSError if not."""

    def release(self) -> None:
        """Free the lock if it is ours."""


@contextmanager
def hold(lock: Lock, *, on_wait: Callable[[str], None]) -> Iterator[Lock]:
    """Hold a lock for the length of a `with` block, waiting for it as long as it takes.

    on_wait : called once with a description of the holder if the lock is taken by somebody else.
    """
    try:
        if not lock.take():
            on_wait(lock.holder())
            while not lock.take():
                time.sleep(lock.poll_seconds)
        yield lock
    finally:
        lock.release()


@contextmanager
def try_hold(lock: Lock) -> Iterator[bool]:
    """Hold a lock if it is free; the `with` block is told whether it is held."""
    try:
        yield lock.take()
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock kept in the file `path`; those who merely ask do not see each other."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def signature() -> str:
    """Say who we are, for those who wait."""
    return f"process {os.getpid()} on {socket.gethostname()}"


class FileLock:
    """A lock kept in a file of this machine.

    The file stays after the lock is released: removing it would let two processes lock two different files.
    """

    poll_seconds = 0.2

    def __init__(self, path: Path) -> None:
        """Lock with the file `path`, which is made when the lock is taken."""
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Hold the lock if it is free."""
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = _open(self._path)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if os.fstat(self._descriptor).st_nlink == 1:  # under a second name it may be somebody's file
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, signature().encode(), 0)
        return True

    def holder(self) -> str:
        """Return what the holder has written into the file."""
        written = os.pread(self._descriptor, 256, 0) if self._descriptor is not None else b""
        return written.decode(errors="replace") or "another process"

    def check(self) -> None:
        """Do nothing: the kernel takes the lock from nobody who lives."""

    def release(self) -> None:
        """Close the file, which frees the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: Path) -> int:
    """Open a lock file, made if need be, and nothing else: no link, no device, no file behind a linked folder."""
    if path.parent.is_symlink():
        raise LinkError(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        raise LinkError(path) if error.errno == errno.ELOOP else error from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no plain file, so it cannot be a lock; remove it", str(path))
    return descriptor
