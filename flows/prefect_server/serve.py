"""The process of the background server: one for a Prefect home, for its owner alone, gone when idle.

It is started with an explicit path, so that no folder of the current directory is imported, and takes the lock of its
home before anything else: a second one ends there. It takes the address and the token of the one before it, unless
somebody else has the address by now: so runs whose server was killed find this one, and their records in its database.
"""

import hmac
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.prefect_server.loopback import (
    LOOPBACK,
    App,
    Scope,
    Send,
    headers_of,
    hosts_of,
    is_foreign,
    python_command,
    refuse,
)
from flows.prefect_server.server_record import LIVES, ServerRecord, last_server
from storage.backends.file_lock import FileLock

IDLE_SECONDS = 30 * 60
SECONDS_FOR_THE_LOCK = 2.0
"""Those who ask whether a server lives hold the lock for a moment, too."""


def command(home: Path) -> list[str]:
    """Return the command line of the server: this package, wherever it is started, and nothing of that place."""
    return python_command(f"from flows.prefect_server.serve import main; main({str(home)!r})")


def environment(inherited: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment of the server: what it inherits, without the keys of stores and of other servers."""
    kept = {name: value for name, value in inherited.items() if not name.startswith("AWS_")}
    for name in ("PREFECT_API_URL", "PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"):
        kept.pop(name, None)
    return kept | {"PREFECT_HOME": str(home)}


def main(home: str) -> None:
    """Serve a Prefect home until nobody has asked anything for a while; end at once if another server does."""
    os.umask(0o077)
    lock = FileLock(Path(home) / LIVES)
    if not _take(lock):
        sys.exit("a server serves this home already")
    before = last_server(Path(home))
    with _bound_to(urlsplit(before.url).port if before else None) as listener:
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}/api"
        token = before.token if before and before.url == address else secrets.token_urlsafe(32)
        record = ServerRecord(address, os.getpid(), token)
        record.write(Path(home))
        _serve(record, listener, Path(home))


def _bound_to(port: int | None) -> socket.socket:
    """Return a socket with this port, or with any that is free."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the one before may linger
    try:
        listener.bind((LOOPBACK, port or 0))
    except OSError:
        listener.bind((LOOPBACK, 0))
    return listener


def _take(lock: FileLock) -> bool:
    deadline = time.monotonic() + SECONDS_FOR_THE_LOCK
    while not lock.take():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _serve(record: ServerRecord, listener: socket.socket, home: Path) -> None:
    os.environ |= {
        "PREFECT__SERVER_EPHEMERAL": "1",
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_SERVER_API_AUTH_STRING": record.auth,
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": "",
        "PREFECT_SERVER_UI_API_URL": record.url,
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "dfvi-server-ui"),
    }
    import uvicorn
    from prefect.server.api.server import create_app

    app = ends_when_idle(guarded(with_pages(create_app()), record), IDLE_SECONDS)
    config = uvicorn.Config(app, log_level="error", timeout_keep_alive=10, timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listener])


def with_pages(api: App) -> App:
    """Add Prefect's pages for a browser, which it leaves out of servers of this kind; made when they are asked for."""
    pages: list[App] = []

    async def dispatch(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] != "http" or _is_api(scope):
            await api(scope, receive, send)
            return
        if not pages:
            from prefect.server.api.server import create_ui_app

            pages.append(create_ui_app(ephemeral=False))
        await pages[0](scope, receive, send)

    return dispatch


def guarded(app: App, record: ServerRecord) -> App:
    """Answer only who means this server, comes from no other site, and holds its token.

    A WebSocket of a browser cannot send the token as a header; Prefect asks for it in the first message.
    """
    hosts = hosts_of(urlsplit(record.url).port)

    async def guard(scope: Scope, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        headers = headers_of(scope)
        if is_foreign(headers, hosts):
            await refuse(scope, send, 403, b'{"exception_message": "Forbidden"}')
        elif _needs_token(scope) and not hmac.compare_digest(
            headers.get("authorization", "").encode(), record.header.encode()
        ):
            await refuse(scope, send, 401, b'{"exception_message": "Unauthorized"}')
        else:
            await app(scope, receive, send)

    return guard


def ends_when_idle(app: App, seconds: float) -> App:
    """End this process when nobody has asked the app anything for so long, and nobody is being answered."""
    last = [time.monotonic()]
    open_requests = [0]

    def watch() -> None:
        while open_requests[0] or time.monotonic() - last[0] < seconds:
            time.sleep(min(seconds, 10.0))
        os.kill(os.getpid(), signal.SIGTERM)

    async def counted(scope: Scope, receive: Any, send: Send) -> None:
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


def _is_api(scope: Scope) -> bool:
    return bool(scope["path"] == "/api" or scope["path"].startswith("/api/"))


def _needs_token(scope: Scope) -> bool:
    return scope["type"] == "http" and _is_api(scope)
