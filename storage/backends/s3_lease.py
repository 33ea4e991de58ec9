"""A lock where flock(2) does not reach: an object that is only ever written on condition, and that must be renewed.

The holder writes the object again every few seconds; one that has not been written for the length of a lease is free
for the taking. Every write carries a condition (the object does not exist, or is still the one that was read), so the
store itself decides who comes first, be it two who want it or a holder who comes back. Ages are differences of the
store's own time stamps: the clocks of the machines need not agree.
"""

import errno
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import uuid4

import obstore

from storage.backends.file_lock import signature
from storage.backends.s3_client import CONDITION_NOT_MET, connect, plain_errors
from storage.errors import InputError

if TYPE_CHECKING:
    from obstore import UpdateVersion  # in its type stubs only

LEASE_SECONDS = 30.0
RENEW_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""Added to the age at which a lease is taken over: time stamps have whole seconds."""
SECONDS_FOR_A_REQUEST = 10  # a renewal that hangs must leave time for another

Condition: TypeAlias = "Literal['create'] | UpdateVersion"
"""The object must not exist, or must still have the ETag that was read."""


@dataclass(frozen=True)
class _Seen:
    """The lock object as it was read."""

    content: bytes
    e_tag: str
    written: datetime

    @property
    def holder(self) -> str:
        """Return who holds it; empty if it was released."""
        return self.content.decode(errors="replace").partition("\n")[0]

    def is_by(self, token: str) -> bool:
        """Tell whether the lock with this token wrote it."""
        return self.content.decode(errors="replace").split("\n")[1:2] == [token]


class Lease:
    """A lock kept in an object; see `storage.backends.file_lock.Lock`.

    The object stays after the lock is released, with nobody in it: taking it is then the same conditional write, and
    nothing is ever deleted that somebody else may have taken.
    """

    poll_seconds = 2.0

    def __init__(self, bucket: str, key: str) -> None:
        """Lock with the object `key`."""
        self._client, self._key = connect(bucket, SECONDS_FOR_A_REQUEST), key
        self._url = f"s3://{bucket}/{key}"
        self._token = uuid4().hex
        self._e_tag: str | None = None
        """Of what we wrote last; None while the lock is not ours."""
        self._ends = 0.0
        """Until when it is ours for certain, by the monotonic clock."""
        self._released = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name=f"lease of {key}", daemon=True)

    def take(self) -> bool:
        """Hold the lock if it is free, was released, or has not been renewed in time."""
        seen = self._look()
        if seen is not None and seen.holder and not self._ran_out(seen):
            return False
        if self._write(signature(), {"e_tag": seen.e_tag} if seen else "create"):
            self._renewing.start()
        return self._e_tag is not None

    def holder(self) -> str:
        """Return who wrote the object last."""
        seen = self._look()
        return (seen and seen.holder) or "another process"

    def check(self) -> None:
        """Make sure that the lock is ours; OSError (ESTALE) if it was taken, or could not be renewed in time."""
        if self._e_tag is None or time.monotonic() > self._ends:
            raise OSError(errno.ESTALE, "this lock was not renewed in time and may be another's now", self._url)

    def release(self) -> None:
        """Free the lock, if it is ours, by writing the object without a holder."""
        self._released.set()
        if self._renewing.is_alive():
            self._renewing.join()
        if self._e_tag is not None:
            with suppress(OSError):  # then it runs out
                self._write("", {"e_tag": self._e_tag})
        self._e_tag = None

    def _renew(self) -> None:
        while self._e_tag is not None and not self._released.wait(RENEW_SECONDS):
            with suppress(OSError):  # tried again; `check` says when it is too late
                self._write(signature(), {"e_tag": self._e_tag})

    def _write(self, holder: str, condition: Condition) -> bool:
        """Write the lock on a condition and tell whether it is ours."""
        # never the same twice: equal content would have an equal ETag, and a condition on it would prove nothing
        content = f"{holder}\n{self._token}\n{uuid4().hex}".encode()
        asked = time.monotonic()
        with plain_errors(self._url):
            try:
                written = obstore.put(self._client, self._key, content, mode=condition)
                self._e_tag, self._ends = written["e_tag"], asked + LEASE_SECONDS
            except CONDITION_NOT_MET:
                seen = self._look()
                ours = seen is not None and seen.is_by(self._token)  # we wrote it, and only the answer was lost
                self._e_tag = seen.e_tag if seen and ours else None
                if seen and seen.content == content:
                    self._ends = asked + LEASE_SECONDS
        return self._e_tag is not None

    def _look(self) -> _Seen | None:
        with plain_errors(self._url):
            try:
                found = obstore.get(self._client, self._key)
                return _Seen(bytes(found.bytes()), found.meta["e_tag"] or "", found.meta["last_modified"])
            except FileNotFoundError:
                return None

    def _ran_out(self, seen: _Seen) -> bool:
        """Tell whether the lock is older than a lease lasts, by the clock of the store."""
        clock = f"{self._key.rpartition('/')[0]}/clock"
        with plain_errors(self._url):
            obstore.put(self._client, clock, b"")
            now = obstore.head(self._client, clock)["last_modified"]
        return (now - seen.written).total_seconds() > LEASE_SECONDS + SLACK_SECONDS


def require_conditional_writes(bucket: str, key: str) -> None:
    """Make sure that the store refuses writes whose condition does not hold; the object `key` is for this only.

    Raises : InputError if it does not.
    """
    client, url = connect(bucket, SECONDS_FOR_A_REQUEST), f"s3://{bucket}/{key}"
    conditions: tuple[Condition, ...] = ("create", {"e_tag": '"0"'})
    with plain_errors(url):
        obstore.put(client, key, b"")
        for condition in conditions:
            try:
                obstore.put(client, key, b"", mode=condition)
            except CONDITION_NOT_MET:
                continue
            raise InputError(
                f"the object store of {url} ignores If-None-Match or If-Match, so that two runs could not keep out of "
                "each other's way; use a store with conditional writes"
            )
