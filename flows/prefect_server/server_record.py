"""The file that says where the background server is, who it is and what its token is, and the lock that it lives by.

A record counts only while the lock is held: the kernel frees the lock with the process, whatever ended it. The server
holds the lock before it writes the record, and writes the record before it listens, so a server that nobody has a
record of cannot exist, and a home never has two. Neither Prefect nor anything else of size is imported here.
"""

import base64
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from storage.backends.atomic_write import appears_when_complete
from storage.backends.file_lock import is_held
from storage.errors import UNREADABLE

RECORD = "dfvi-server.json"
LIVES = "dfvi-server.alive"
"""The lock that a server holds as long as it lives."""
STARTS = "dfvi-server.starting"
"""The lock of whoever looks for a server, and starts one."""
USER = "dfvi"


@dataclass(frozen=True)
class ServerRecord:
    """What somebody needs to know to use the background server of a Prefect home, or to end it."""

    url: str
    """Address of the API."""
    pid: int
    token: str
    """Only requests that hold it are answered."""

    @property
    def auth(self) -> str:
        """What Prefect calls the auth string, `user:password`."""
        return f"{USER}:{self.token}"

    @property
    def header(self) -> str:
        """Return the value of the header Authorization that Prefect's clients send."""
        return "Basic " + base64.b64encode(self.auth.encode()).decode()

    def write(self, home: Path) -> None:
        """Write the record into a Prefect home, readable by its owner alone."""
        with appears_when_complete(home / RECORD) as path:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self), file)


def find_server(home: Path) -> ServerRecord | None:
    """Return the record of the server that lives in a Prefect home; it may not listen yet. None if there is none."""
    record = last_server(home)
    return record if record is not None and is_alive(home) else None


def is_alive(home: Path) -> bool:
    """Return whether a process holds the lock of the server."""
    return is_held(home / LIVES)


def last_server(home: Path) -> ServerRecord | None:
    """Return the record of the last server of a Prefect home, whether it lives or not; None if there is none."""
    try:
        found = json.loads((home / RECORD).read_text(encoding="utf-8"))
        record = ServerRecord(str(found["url"]), int(found["pid"]), str(found["token"]))
        return record if urlsplit(record.url).port and record.token.isascii() else None
    except (OSError, *UNREADABLE):
        return None
