"""The process of the background server: whom it answers, when it ends, what it takes along."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.prefect_server import serve
from flows.prefect_server.server_record import ServerRecord

RECORD = ServerRecord("http://127.0.0.1:4321/api", 1, "the token")
GOOD = {"host": "127.0.0.1:4321", "authorization": RECORD.header}


async def answer_slowly(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.sleep(0.5)


def run_app(monkeypatch, scopes, seconds):
    """Start the app, send it these scopes, and tell when it ended itself: seconds after the start, by signal."""
    ended = []
    started = time.monotonic()
    monkeypatch.setattr(os, "kill", lambda pid, number: ended.append((pid, number, time.monotonic() - started)))
    app = serve.ends_when_idle(answer_slowly, seconds)

    async def run():
        await app({"type": "lifespan"}, None, None)
        for scope in scopes:
            await app(scope, None, None)
        while not ended:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(run(), 30))
    return ended


def test_it_ends_itself_when_nobody_asks(monkeypatch):
    ((pid, number, after),) = run_app(monkeypatch, [], 0.1)
    assert (pid, number) == (os.getpid(), signal.SIGTERM)
    assert after >= 0.1


def test_it_stays_as_long_as_somebody_is_answered(monkeypatch):
    ((_, _, after),) = run_app(monkeypatch, [{"type": "http"}], 0.1)
    assert after >= 0.5


def ask(kind, path, headers):
    """The status that the guard sends, or 200 where it lets the request through."""
    said = []

    async def app(scope, receive, send):
        said.append(200)

    async def send(message):
        said.append(message.get("status") or message.get("code") or message["body"])

    scope = {"type": kind, "path": path, "headers": [(k.encode(), v.encode()) for k, v in headers.items()]}
    asyncio.run(serve.guarded(app, RECORD)(scope, None, send))
    return said[0]


@pytest.mark.parametrize(
    ("kind", "path", "change", "status"),
    [
        ("http", "/api/flow_runs/", {}, 200),
        ("http", "/api/flow_runs/", {"host": "localhost:4321"}, 200),
        ("http", "/api/flow_runs/", {"origin": "http://127.0.0.1:4321"}, 200),
        ("websocket", "/api/events/in", {}, 200),
        ("http", "/", {"authorization": ""}, 200),  # the pages: they ask for the password
        ("http", "/api/health", {"authorization": ""}, 401),
        ("http", "/api/flow_runs/", {"authorization": "Basic b3RoZXI6b3RoZXI="}, 401),
        ("http", "/api/flow_runs/", {"host": "evil.example:4321"}, 403),
        ("http", "/api/flow_runs/", {"host": "127.0.0.1"}, 403),
        ("http", "/api/flow_runs/", {"origin": "http://evil.example"}, 403),
        ("http", "/api/flow_runs/", {"origin": "null"}, 403),
        ("websocket", "/api/events/out", {"host": "evil.example"}, 1008),
        ("websocket", "/api/events/out", {"origin": "https://evil.example"}, 1008),
    ],
)
def test_it_answers_only_who_means_it_comes_from_no_other_site_and_holds_its_token(kind, path, change, status):
    assert ask(kind, path, GOOD | change) == status


def test_it_takes_the_port_of_the_one_before_it_unless_somebody_else_has_it():
    with serve._bound_to(None) as one:
        port = one.getsockname()[1]
        one.listen()
        with serve._bound_to(port) as other:
            assert other.getsockname()[1] != port
    with serve._bound_to(port) as again:
        assert again.getsockname()[1] == port


def test_its_environment_holds_no_key_of_a_store_and_no_other_server():
    given = {"AWS_SECRET_ACCESS_KEY": "s", "AWS_ACCESS_KEY_ID": "k", "PREFECT_API_KEY": "p", "HOME": "/home/me"}
    assert serve.environment(given, Path("/prefect")) == {"HOME": "/home/me", "PREFECT_HOME": "/prefect"}


def test_a_folder_flows_in_the_current_directory_is_not_imported(tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "__init__.py").write_text("raise SystemExit('imported from the current directory')")
    (tmp_path / "home").write_text("a file, so that it ends there")
    command = serve.command(tmp_path / "home")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert command[0] == sys.executable
    assert "imported from the current directory" not in ended.stderr
    assert "flows/prefect_server/serve.py" in ended.stderr  # it came as far as the home that is no folder
