"""A path in an object store: a prefix that works like a folder, or an object that works like a file.

An object appears whole or not at all, so nothing is ever renamed and nothing half-written is left behind.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import obstore
from obstore.store import S3Store

from storage.backends.s3_client import connect, plain_errors
from storage.backends.s3_lease import Lease, require_conditional_writes
from storage.backends.store_path import Usage

SECONDS_FOR_A_REQUEST = 30


@dataclass(frozen=True)
class S3Path:
    """An object or a prefix in a bucket; see `StorePath`."""

    bucket: str
    key: str
    """Its parts joined by slashes; empty for the bucket itself."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}".rstrip("/")

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket, then each part of the key."""
        return (self.bucket, *filter(None, self.key.split("/")))

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.parts[-1]

    @property
    def parent(self) -> "S3Path":
        """The prefix it lies in."""
        return S3Path(self.bucket, self.key.rpartition("/")[0])

    def __truediv__(self, name: str) -> "S3Path":
        return S3Path(self.bucket, f"{self.key}/{name}".lstrip("/"))

    def exists(self) -> bool:
        """Tell whether there is an object of this name, or one below it."""
        with plain_errors(str(self)):
            if self.key:  # to the store, an object without a name is the bucket
                with suppress(FileNotFoundError):
                    obstore.head(self._client, self.key)
                    return True
            return any(obstore.list(self._client, prefix=self.key or None))

    def is_symlink(self) -> bool:
        """Tell that it is no link: an object store has none."""
        return False

    def modified(self) -> float:
        """Return when the object was written, by the store's clock."""
        with plain_errors(str(self)):
            return obstore.head(self._client, self.key)["last_modified"].timestamp()

    def usage(self) -> Usage:
        """Return the bytes of the objects below, and when the last of them was written."""
        with plain_errors(str(self)):
            found = obstore.list(self._client, prefix=self.key or None).collect()
        newest = max((entry["last_modified"].timestamp() for entry in found), default=0.0)
        return Usage(sum(entry["size"] for entry in found), newest)

    def names(self) -> set[str]:
        """Return the names right below, by one request for each thousand of them."""
        return {path.rpartition("/")[2] for kind in self._list() for path in kind}

    def subfolders(self) -> list["S3Path"]:
        """Return the prefixes right below, by name."""
        return [S3Path(self.bucket, path) for path in sorted(self._list()[0])]

    def read_bytes(self) -> bytes:
        """Return the content of the object."""
        with plain_errors(str(self)):
            return bytes(obstore.get(self._client, self.key).bytes())

    def read_blocks(self) -> Iterator[bytes]:
        """Read the object block by block, as it arrives."""
        with plain_errors(str(self)):
            for block in obstore.get(self._client, self.key).stream():
                yield bytes(block)

    def write_whole(self, content: bytes, *, durable: bool = True) -> None:  # noqa: ARG002 (it always is)
        """Write the object by one request."""
        with plain_errors(str(self)):
            obstore.put(self._client, self.key, content, use_multipart=False)

    def make(self) -> None:
        """Do nothing: prefixes need no making."""

    def sweep(self, *, untouched_for: float = 0.0) -> None:
        """Do nothing: a writer that is killed leaves nothing that could be seen."""

    def remove(self) -> None:
        """Remove the object and all below it."""
        with plain_errors(str(self)):
            below = obstore.list(self._client, prefix=self.key).collect()
            obstore.delete(self._client, [self.key, *(entry["path"] for entry in below)])

    @contextmanager
    def receive(self, names: Sequence[str]) -> Iterator[Path]:
        """Give a temporary folder, whose files are sent when the block has ended well."""
        with tempfile.TemporaryDirectory(prefix="dfvi-") as folder:
            yield Path(folder)
            for name in names:
                with plain_errors(str(self / name)):
                    obstore.put(self._client, (self / name).key, Path(folder) / name)

    def lock(self) -> Lease:
        """Return a lock that is kept in this object."""
        return Lease(self.bucket, self.key)

    def check_locks(self) -> None:
        """Make sure that the store writes on condition; InputError if not."""
        require_conditional_writes(self.bucket, (self / "probe").key)

    @property
    def _client(self) -> S3Store:
        return connect(self.bucket, SECONDS_FOR_A_REQUEST)

    def _list(self) -> tuple[list[str], list[str]]:
        """Return the keys of the prefixes and of the objects right below."""
        with plain_errors(str(self)):
            found = obstore.list_with_delimiter(self._client, prefix=self.key or None)
        return list(found["common_prefixes"]), [entry["path"] for entry in found["objects"]]
