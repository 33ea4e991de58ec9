"""Files that appear under their name only when they are complete and on disk."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

AnyPath = TypeVar("AnyPath", bound=Path)


@contextlib.contextmanager
def appears_when_complete(target: AnyPath, *, durable: bool = True) -> Iterator[AnyPath]:
    """Give a temporary path beside `target`, which is moved over it at the end of the block and removed on any error.

    durable : flush file and folder to the disk, so that the file is also there after a power cut.
    """
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        if durable:
            flush_to_disk(partial)
        partial.replace(target)
        if durable:
            flush_to_disk(target.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
