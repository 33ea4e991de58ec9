"""The background server: gone when idle, never while somebody is being answered."""

import asyncio
import json
import os
import signal
import threading
import time

from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from flows.prefect_server import background as server


async def answer_slowly(scope, receive, send):
    if scope["type"] == "http":
        await asyncio.sleep(0.5)


def run_app(monkeypatch, scopes, seconds):
    """Start the app, send it these scopes, and tell when it ended itself: seconds after the start, by signal."""
    ended = []
    started = time.monotonic()
    end = threading.Event()

    def kill(pid, number):
        ended.append((pid, number, time.monotonic() - started))
        end.set()

    monkeypatch.setattr(os, "kill", kill)
    app = server._ends_when_idle(answer_slowly, seconds)

    async def serve():
        await app({"type": "lifespan"}, None, None)
        for scope in scopes:
            await app(scope, None, None)
        assert await asyncio.to_thread(end.wait, 30)

    asyncio.run(serve())
    return ended


def test_it_ends_itself_when_nobody_asks(monkeypatch):
    ((pid, number, after),) = run_app(monkeypatch, [], 0.1)
    assert (pid, number) == (os.getpid(), signal.SIGTERM)
    assert after >= 0.1


def test_it_stays_as_long_as_somebody_is_answered(monkeypatch):
    ((_, _, after),) = run_app(monkeypatch, [{"type": "http"}], 0.1)
    assert after >= 0.5


def test_a_configured_server_is_used_and_none_is_started(monkeypatch):
    monkeypatch.setattr(server, "_start", lambda: 1 / 0)
    with temporary_settings({PREFECT_API_URL: "http://example.invalid/api"}), server.connected() as address:
        assert address == "http://example.invalid/api"


def test_a_record_of_a_server_that_is_gone_counts_for_nothing(tmp_path):
    (tmp_path / server.RECORD).write_text(json.dumps({"url": "http://127.0.0.1:9/api", "pid": 2**22 + 1}))
    with temporary_settings({PREFECT_HOME: tmp_path}):
        assert server.url() is None
        assert server.stop() is False
    (tmp_path / server.RECORD).write_text("not json")
    with temporary_settings({PREFECT_HOME: tmp_path}):
        assert server.url() is None
