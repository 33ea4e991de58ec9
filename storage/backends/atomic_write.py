"""Files that appear under their name only when they are complete and on disk."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from storage.errors import InputError

AnyPath = TypeVar("AnyPath", bound=Path)


@contextlib.contextmanager
def appears_when_complete(target: AnyPath, *, durable: bool = True) -> Iterator[AnyPath]:
    """Give a temporary path beside `target`, which is moved over it at the end of the block and removed on any error.

    durable : flush file and folder to the disk, so that the file is also there after a power cut.
    Raises  : InputError where `target` leads to something that is no file, such as /dev/null: it would be gone.
    """
    refuse_no_file(target)
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


def refuse_no_file(target: Path) -> None:
    """Raise InputError if there is a device, pipe or socket of this name, or one that a link of this name leads to."""
    with contextlib.suppress(OSError):
        mode = target.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InputError(f"{target} is a device, pipe or socket, which cannot be replaced; name a file")


def flush_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
