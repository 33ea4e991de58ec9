"""The background server: found again, never twice, whoever is killed, and known to every thread."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, get_current_settings, temporary_settings

from flows.prefect_server import background
from flows.prefect_server.everywhere import past_proxies
from flows.prefect_server.server_record import LIVES, RECORD, ServerRecord, find_server
from storage.backends.file_lock import FileLock
from storage.errors import InputError
from tests.paths import REPOSITORY

STARTER = "from flows.prefect_server.background import find_or_start; print(find_or_start().pid)"
START_SECONDS = 300


def test_a_configured_server_is_used_by_every_thread_and_none_is_started(prefect_server, monkeypatch):
    monkeypatch.setattr(background, "find_or_start", lambda: 1 / 0)
    address = PREFECT_API_URL.value()
    told = []

    def tell():
        told.append((PREFECT_API_URL.value(), get_current_settings().server.ephemeral.enabled))

    with background.connected() as used:
        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()
        assert os.environ["PREFECT_API_URL"] == used == address
    assert told == [(address, False)]
    assert os.environ.get("PREFECT_API_URL") != address


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "nonsense", "http://name:secret@127.0.0.1:9/api"])
def test_a_configured_server_that_does_not_answer_is_one_line_without_its_password(address):
    with temporary_settings({PREFECT_API_URL: address}), pytest.raises(InputError) as caught, background.connected():
        pass
    assert "does not answer" in str(caught.value)
    assert "unset PREFECT_API_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_configured_address_where_something_else_answers_not_at_all_is_given_up(monkeypatch):
    monkeypatch.setattr("flows.prefect_server.work_pools.SECONDS_TO_ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        started = time.monotonic()
        with temporary_settings({PREFECT_API_URL: address}), pytest.raises(InputError), background.connected():
            pass
    assert time.monotonic() - started < 20


def test_requests_to_this_machine_go_past_every_proxy():
    assert past_proxies({}) == {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
    assert past_proxies({"NO_PROXY": "*"})["no_proxy"] == "*"
    assert past_proxies({"no_proxy": "localhost, intern"})["NO_PROXY"] == "localhost,intern,127.0.0.1"


def test_a_record_counts_only_while_its_server_lives(tmp_path):
    record = ServerRecord("http://127.0.0.1:9/api", 2**22 + 1, "t")
    record.write(tmp_path)
    assert stat.S_IMODE((tmp_path / RECORD).stat().st_mode) == 0o600
    assert find_server(tmp_path) is None
    with temporary_settings({PREFECT_HOME: tmp_path}):
        assert background.running() is None
        assert background.stop() is False
    lock = FileLock(tmp_path / LIVES)
    assert lock.take()
    assert find_server(tmp_path) == record
    (tmp_path / RECORD).write_text("not json")
    assert find_server(tmp_path) is None
    lock.release()


def starter(home):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment |= {"PREFECT_HOME": str(home), "PYTHONPATH": str(REPOSITORY), "HTTP_PROXY": "http://127.0.0.1:9"}
    environment |= {"AWS_SECRET_ACCESS_KEY": "never-to-be-seen"}
    return subprocess.Popen([sys.executable, "-c", STARTER], env=environment, stdout=subprocess.PIPE, text=True)


def servers(home):
    """Processes that serve this home, or are about to."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            said = (folder / "cmdline").read_bytes()
            if b"prefect_server.serve" in said and str(home).encode() in said:
                found.append(int(folder.name))
    return found


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    with temporary_settings({PREFECT_HOME: folder}):
        yield folder
        background.stop()
    for pid in servers(folder):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_whoever_is_killed_at_the_start_there_is_one_server_for_a_home_and_it_is_found_again(home, monkeypatch):
    killed = starter(home)
    while not servers(home) and killed.poll() is None:
        time.sleep(0.01)
    killed.kill()  # while its server starts: nobody knows of that
    killed.wait()
    both = [starter(home) for _ in range(2)]
    pids = {int(each.communicate(timeout=START_SECONDS)[0]) for each in both}
    assert len(pids) == 1
    while servers(home) != list(pids):  # those that came second are leaving
        time.sleep(0.05)
    environment = Path(f"/proc/{pids.copy().pop()}/environ").read_bytes()
    assert b"never-to-be-seen" not in environment
    refused_without_the_token(home)
    replaced_when_it_hangs(home, monkeypatch)


def refused_without_the_token(home):
    address = urlsplit(find_server(home).url)
    connection = HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("POST", "/api/flow_runs/filter", "{}", {"content-type": "application/json"})
    assert connection.getresponse().status == 401
    connection.close()


def replaced_when_it_hangs(home, monkeypatch):
    monkeypatch.setattr(background, "SECONDS_OF_SILENCE", 0.5)
    monkeypatch.setattr(background, "PROBE_TIMEOUT", 0.5)
    monkeypatch.setattr(background, "SECONDS_TO_STOP", 0.5)
    old = find_server(home)
    os.kill(old.pid, signal.SIGSTOP)
    monkeypatch.setattr(background, "_start", lambda home: "a new one")
    assert background.find_or_start() == "a new one"
    assert servers(home) == []


KILLED_ONCE = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from flows.prefect_server.server_record import LIVES, ServerRecord
from storage.backends.file_lock import FileLock

home = Path(sys.argv[1])
killed = home / "killed"
if not killed.exists():
    killed.touch()
    os.kill(os.getpid(), signal.SIGKILL)

class Healthy(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

lock = FileLock(home / LIVES)
lock.take()
server = HTTPServer(("127.0.0.1", 0), Healthy)
ServerRecord(f"http://127.0.0.1:{server.server_port}/api", os.getpid(), "token").write(home)
server.serve_forever()
"""


def test_a_server_that_is_killed_while_it_starts_is_started_again(tmp_path, monkeypatch):
    program = [sys.executable, "-c", KILLED_ONCE, str(tmp_path)]
    monkeypatch.setattr(background.serve, "command", lambda home: program)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    with temporary_settings({PREFECT_HOME: tmp_path}):
        server = background.find_or_start()
        os.kill(server.pid, signal.SIGKILL)
    assert (tmp_path / "killed").exists()
