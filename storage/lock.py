"""A lock that dies with its holder: flock(2) on a file, released by the kernel also after kill -9."""

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.2


@contextmanager
def hold(path: Path, *, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path` for the length of a `with` block, waiting for it as long as it takes.

    on_wait : called once with a description of the holder if the lock is taken by somebody else.
    The file stays after the lock is released: removing it would let two processes lock two different files.
    """
    descriptor = _open(path)
    try:
        if not _try(descriptor):
            on_wait(_holder(path))
            while not _try(descriptor):
                time.sleep(POLL_SECONDS)
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def try_hold(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` if it is free; the `with` block is told whether it is held."""
    descriptor = _open(path)
    try:
        held = _try(descriptor)
        if held:
            _sign(descriptor)
        yield held
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(descriptor: int) -> None:
    """Leave a word for those who wait."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)


def _holder(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") or "another process"
