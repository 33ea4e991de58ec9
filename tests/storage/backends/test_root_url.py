"""What may be called a root, and one clear line for what cannot be reached."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from storage.backends import s3_path
from storage.backends.root_url import store_path_at
from storage.backends.s3_client import connect
from storage.cache.housekeeping import list_stores, verify
from storage.cache.root import Root
from storage.errors import InputError
from tests.conftest import SECRET
from tests.storage.conftest import KEY, fill_store


def test_a_path_and_a_file_url_are_the_same_folder(tmp_path):
    assert store_path_at(tmp_path / "a b") == store_path_at((tmp_path / "a b").as_uri())


def test_slashes_too_many_change_nothing(bucket):
    assert store_path_at(f"{bucket}//a///b/") == store_path_at(bucket) / "a" / "b"
    assert str(store_path_at(f"{bucket}/a")) == f"{bucket}/a"
    assert str(store_path_at(f"{bucket}/")) == bucket


BAD = {
    f"s3://me:{SECRET}@bucket/x": "must not hold a name or password",
    "s3://token@bucket/x": "must not hold a name or password",
    "gs://bucket/x": "one that begins with gs://",
    "file://elsewhere/x": "one that begins with file://",
    "s3://": "no name of a bucket",
    "s3://UPPER/x": "no name of a bucket",
    "s3://bucket/../x": "a prefix has letters",
    "s3://bucket/x?versionId=1": "a prefix has letters",
    "s3://bucket?x": "no name of a bucket",
}


@pytest.mark.parametrize("location", BAD)
def test_a_location_that_cannot_be_a_root_is_one_line_without_secrets(location):
    with pytest.raises(InputError, match=BAD[location]) as caught:
        Root.create(location)
    assert SECRET not in str(caught.value)


def test_without_the_package_the_error_says_what_to_install():
    code = "import sys; sys.modules['obstore'] = None; from storage.backends.root_url import store_path_at; store_path_at('s3://bucket/x')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.stderr.strip().endswith("install it with: pip install 'dfvi[s3]'")


def test_a_whole_bucket_may_be_a_root(bucket):
    url = f"s3://whole-{uuid4().hex}"
    urllib.request.urlopen(urllib.request.Request(f"{os.environ['AWS_ENDPOINT_URL']}/{url[5:]}", method="PUT"))
    assert Root.find(url) is None
    fill_store(Root.create(url).store("goat", KEY))
    assert [facts.state for facts in list_stores(Root.find(url))] == ["complete"]
    assert list(verify(Root.open(url))) == []


def test_a_bucket_that_is_not_there_is_named(bucket):
    for use in (Root.create, Root.open, Root.find):
        with pytest.raises(InputError, match=r"the root s3://no-bucket/x cannot be .*: there is no such bucket"):
            use("s3://no-bucket/x")


@pytest.fixture
def server(monkeypatch):
    """A server that answers every request with one status, or is silent until the test is over."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        status = 500
        body = b""

        def answer(self):
            if self.status is None:
                over.wait()
                return
            self.send_response(self.status)
            self.send_header("Content-Length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

        do_GET = do_PUT = do_HEAD = answer  # noqa: N815

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    point_at(monkeypatch, server.server_port)
    yield Handler
    over.set()
    server.shutdown()
    server.server_close()


def point_at(monkeypatch, port):
    """A server's address is taken once for each bucket: each test has a bucket of its own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tester")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def complaint(use):
    with pytest.raises(InputError) as caught:
        use(f"s3://bucket-{uuid4().hex}/x")
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert SECRET not in text
    return text


@pytest.mark.parametrize("use", [Root.create, Root.open, Root.find])
@pytest.mark.parametrize(
    ("status", "expected"), [(403, "access denied"), (401, "access denied"), (500, "the object store failed")]
)
def test_a_store_that_refuses_is_one_line(server, use, status, expected):
    server.status = status
    assert expected in complaint(use)


def test_a_store_that_nobody_runs_is_one_line_soon(monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        point_at(monkeypatch, unused.getsockname()[1])
    started = time.monotonic()
    assert "check AWS_ENDPOINT_URL and the network" in complaint(Root.open)
    assert time.monotonic() - started < 20


def test_a_store_that_never_answers_is_one_line_in_bounded_time(server, monkeypatch):
    server.status = None
    monkeypatch.setattr(s3_path, "SECONDS_FOR_A_REQUEST", 1)
    assert "the object store failed" in complaint(Root.open)


def test_a_client_is_made_once_for_a_bucket(bucket):
    assert connect("dfvi-tests", 30) is connect("dfvi-tests", 30)
    assert SECRET not in repr(connect("dfvi-tests", 30)) + str(connect("dfvi-tests", 30).config)


def test_what_a_failing_store_answers_is_not_repeated(server):
    server.status, server.body = 400, b"<Error><Code>ExpiredToken</Code><Token-0>a-token</Token-0></Error>"
    text = complaint(Root.open)
    assert "400 Bad Request, ExpiredToken" in text
    assert "a-token" not in text
