"""Files that appear under their name only when they are complete. (Of `storage`, nothing is known here.)"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def appears_when_complete(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; it is moved over it at the end of the block, and removed on any error."""
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
