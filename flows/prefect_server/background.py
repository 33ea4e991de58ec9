"""The Prefect server behind the command line: one in the background, started once, found again, gone when idle.

A server that Prefect starts for each command costs 8 s each time. This one is started by the first command, answers
the next ones, and stops by itself after IDLE_SECONDS without a request. Whoever has set PREFECT_API_URL, in the
environment or in a Prefect profile, has a server already, and none is started.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_HOME, temporary_settings

from storage.backends.file_lock import FileLock, hold

IDLE_SECONDS = 30 * 60
START_TIMEOUT = 120.0  # seconds; the first start on an empty home makes a database and takes about 20
RECORD = "dfvi-server.json"

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


@contextmanager
def connected() -> Iterator[str]:
    """Talk to the configured server, or to the one in the background, for the length of a `with` block.

    Raises : ConnectionError if the background server does not come up; the message names its log file.
    """
    configured = PREFECT_API_URL.value()
    address = configured or _find_or_start()
    settings: dict[Any, Any] = {PREFECT_API_URL: address}
    if not configured:
        settings[PREFECT_FLOWS_HEARTBEAT_FREQUENCY] = None  # nobody watches a run on a terminal; joining it costs 0.9 s
    with temporary_settings(settings):
        yield address


def url() -> str | None:
    """Address of the background server; None if none is running."""
    record = _read_record()
    return str(record["url"]) if record is not None and _answers(record["url"]) else None


def stop() -> bool:
    """Stop the background server; False if none was running."""
    record = _read_record()
    if record is None or url() is None:
        return False
    os.kill(int(record["pid"]), signal.SIGTERM)
    return True


def _find_or_start() -> str:
    with hold(FileLock(Path(PREFECT_HOME.value()) / f"{RECORD}.lock"), on_wait=lambda holder: None):  # noqa: ARG005
        return url() or _start()


def _start() -> str:
    home = Path(PREFECT_HOME.value())
    port = _free_port()
    address = f"http://127.0.0.1:{port}/api"
    log = home / "dfvi-server.log"
    command = [sys.executable, "-m", "uvicorn", "--factory", "flows.prefect_server.background:create_app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--timeout-keep-alive", "10"]
    environment = os.environ | {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )
    deadline = time.monotonic() + START_TIMEOUT
    while not _answers(address):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise ConnectionError(f"the Prefect server did not start on port {port}; {log} says why")
        time.sleep(0.05)
    (home / RECORD).write_text(json.dumps({"url": address, "pid": process.pid}), encoding="utf-8")
    return address


def create_app() -> App:
    """Make Prefect's server application, with an end of its own when nobody has asked anything for a while."""
    from prefect.server.api.server import create_app as create_prefect_app

    return _ends_when_idle(create_prefect_app(), IDLE_SECONDS)


def _ends_when_idle(app: App, seconds: float) -> App:
    last = [time.monotonic()]
    open_requests = [0]

    def watch() -> None:
        while open_requests[0] or time.monotonic() - last[0] < seconds:
            time.sleep(min(seconds, 10.0))
        os.kill(os.getpid(), signal.SIGTERM)

    async def counted(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            threading.Thread(target=watch, daemon=True).start()
            await app(scope, receive, send)
            return
        open_requests[0] += 1
        try:
            await app(scope, receive, send)
        finally:
            open_requests[0] -= 1
            last[0] = time.monotonic()

    return counted


def _read_record() -> dict[str, Any] | None:
    try:
        record = json.loads((Path(PREFECT_HOME.value()) / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and {"url", "pid"} <= record.keys() else None


def _answers(address: str) -> bool:
    where = urlsplit(address)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=5)
    try:
        connection.request("GET", f"{where.path}/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
