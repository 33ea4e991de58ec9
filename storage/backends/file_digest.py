"""The SHA-256 of what a file holds."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file of this machine, 64 hexadecimal digits.

    Raises : OSError with the name of the file, also where it fails in the middle.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def blocks_sha256(blocks: Iterable[bytes]) -> str:
    """Return the SHA-256 of a file that is read block by block, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
