"""What all servers of ours that listen on this machine alone share: the address, and whom they answer."""

import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def python_command(run: str) -> list[str]:
    """Return a command line that runs Python code with these packages, wherever it is started, and nothing of there."""
    packages = str(Path(__file__).parents[2])
    return [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {packages!r}); {run}"]


def hosts_of(port: int | None) -> set[str]:
    """Return the names by which a server of this machine may be asked."""
    return {f"{LOOPBACK}:{port}", f"localhost:{port}"}


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers of a request, their names in small letters."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def is_foreign(headers: Mapping[str, str], hosts: set[str]) -> bool:
    """Return whether a request means another host, as after DNS rebinding, or comes from a page of another site."""
    origin = headers.get("origin")
    return headers.get("host") not in hosts or (origin is not None and urlsplit(origin).netloc not in hosts)


async def refuse(scope: Scope, send: Send, status: int, body: bytes, kind: bytes = b"application/json") -> None:
    """Answer a request that is not let through; a WebSocket before it was accepted."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # answered with 403
        return
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
