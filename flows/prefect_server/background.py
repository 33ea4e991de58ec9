"""The Prefect server behind the command line: one in the background, started once, found again, gone when idle.

A server that Prefect starts for each command costs 8 s each time. This one is started by the first command, answers
the next ones, and stops by itself after half an hour without a request. Whoever has set PREFECT_API_URL, in the
environment or in a Prefect profile, has a server already, and none is started.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    temporary_settings,
)

from flows.prefect_server import serve
from flows.prefect_server.everywhere import everywhere
from flows.prefect_server.server_record import STARTS, ServerRecord, find_server, is_alive
from flows.prefect_server.work_pools import require_answer
from storage.backends.file_lock import FileLock, hold

START_TIMEOUT = 120.0  # seconds; the first start on an empty home makes a database and takes about 20
SECONDS_OF_SILENCE = 30.0
"""A server that takes connections and answers none for so long is ended, and another takes its place."""
SECONDS_TO_STOP = 10.0
MOST_STARTS = 3
"""A server that is killed while it starts is started again."""
PROBE_TIMEOUT = 5.0

Answer = Literal["yes", "silent", "refused"]
_in_background: set[str] = set()
"""Addresses that this process has used of servers in the background: of one that is gone, another takes the place."""


@contextmanager
def connected() -> Iterator[str]:
    """Let the whole process, and those it starts, use one server for the length of a `with` block; yield its address.

    It is the configured one, or the one in the background.
    Raises : InputError if the configured server does not answer; ConnectionError if the one in the background does not
             come up: the message names its log file.
    """
    configured = None if can_be_replaced() else PREFECT_API_URL.value()
    settings: dict[Any, Any]
    if configured:
        settings = {PREFECT_API_URL: configured, PREFECT_API_AUTH_STRING: PREFECT_API_AUTH_STRING.value()}
    else:
        server = find_or_start()
        _in_background.add(server.url)
        settings = {PREFECT_API_URL: server.url, PREFECT_API_AUTH_STRING: server.auth}
        settings[PREFECT_FLOWS_HEARTBEAT_FREQUENCY] = None  # nobody watches a run on a terminal; joining it costs 0.9 s
    with everywhere(settings[PREFECT_API_URL], settings[PREFECT_API_AUTH_STRING]), temporary_settings(settings):
        if configured:
            require_answer(configured)
        yield settings[PREFECT_API_URL]


def can_be_replaced() -> bool:
    """Return whether the server that is meant is one in the background that this process has found or started."""
    return PREFECT_API_URL.value() in _in_background


def bring_back() -> None:
    """Start the server in the background again if this process uses it and it is gone; it keeps its address."""
    if can_be_replaced():
        with suppress(ConnectionError):
            find_or_start()


def running() -> ServerRecord | None:
    """Return the background server; None if none is running, or it does not answer yet."""
    server = find_server(_home())
    return server if server is not None and probe(server) == "yes" else None


def stop() -> bool:
    """Stop the background server and wait for its end; False if none was running."""
    home = _home()
    with hold(FileLock(home / STARTS), on_wait=lambda holder: None):  # noqa: ARG005
        server = find_server(home)
        if server is None:
            return False
        _end(server, home)
    return True


def find_or_start() -> ServerRecord:
    """Return the server of this Prefect home: the one that runs, or a new one.

    One that starts is waited for, and one that does not answer is ended; there are never two.
    """
    home = _home()
    with hold(FileLock(home / STARTS), on_wait=lambda holder: None):  # noqa: ARG005
        server = find_server(home)
        if server is not None:
            if _wait_for_answer(server, home):
                return server
            _end(server, home)
        return _start(home)


def probe(server: ServerRecord) -> Answer:
    """Ask a server whether it is well. It refuses connections until it has started."""
    address = urlsplit(server.url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=PROBE_TIMEOUT)
    try:
        connection.request("GET", f"{address.path}/health", headers={"Authorization": server.header})
        return "yes" if connection.getresponse().status == 200 else "silent"
    except ConnectionRefusedError:
        return "refused"
    except (OSError, HTTPException):
        return "silent"
    finally:
        connection.close()


def _home() -> Path:
    return Path(PREFECT_HOME.value())


def _start(home: Path, tries: int = MOST_STARTS) -> ServerRecord:
    log = home / "dfvi-server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            serve.command(home),
            env=serve.environment(os.environ, home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        server = find_server(home)  # ours, or one that somebody started who was killed before it had a record
        if server is not None and _wait_for_answer(server, home):
            return server
        if process.poll() is not None and not is_alive(home):
            break
        time.sleep(0.05)
    if tries > 1 and (process.poll() or 0) < 0:  # somebody killed it: nothing is wrong with it
        return _start(home, tries - 1)
    with suppress(ProcessLookupError):
        process.kill()
    raise ConnectionError(f"the Prefect server in the background did not start; {log} says why")


def _wait_for_answer(server: ServerRecord, home: Path) -> bool:
    """Wait until the server answers; False if it dies, or takes too long."""
    start = quiet_since = time.monotonic()
    while find_server(home) == server:
        answer = probe(server)
        now = time.monotonic()
        if answer == "yes":
            return True
        if answer == "refused":
            quiet_since = now
        if now - start > START_TIMEOUT or now - quiet_since > SECONDS_OF_SILENCE:
            return False
        time.sleep(0.05)
    return False


def _end(server: ServerRecord, home: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if find_server(home) != server:
            return
        with suppress(ProcessLookupError):
            os.kill(server.pid, number)
        deadline = time.monotonic() + SECONDS_TO_STOP
        while find_server(home) == server and time.monotonic() < deadline:
            time.sleep(0.02)
