"""Stores in an object store: what is asked of it, what is written, and where."""

import logging
from contextlib import suppress
from uuid import uuid4

import obstore
import pytest

from storage.backends.s3_client import connect
from storage.cache.housekeeping import verify
from storage.cache.root import Root
from storage.cache.stage_key import StageKey
from tests.storage.conftest import KEY, fill_store


@pytest.fixture
def remote(bucket):
    return Root.create(f"{bucket}/{uuid4().hex}")


@pytest.fixture
def requests(bucket):
    """Methods of the requests that the server gets."""
    found, log = [], logging.getLogger("werkzeug")

    class Note(logging.Handler):
        def emit(self, record):
            found.append(next(m for m in ("GET", "PUT", "HEAD", "POST", "DELETE") if m in record.getMessage()))

    note, level = Note(), log.level
    log.addHandler(note)
    log.setLevel(logging.INFO)
    log.propagate = False
    yield found
    log.removeHandler(note)
    log.setLevel(level)
    log.propagate = True


def test_reading_an_item_is_one_request_and_so_is_asking_what_is_missing(remote, requests):
    store = fill_store(remote.store("goat", KEY))
    array = remote.open_store("goat", KEY.stage, KEY.digest)["flow_fw"]
    requests.clear()
    array[2]
    assert requests == ["GET"]
    array.missing()
    assert requests == ["GET", "GET"]
    requests.clear()
    store.write(2, flow_fw=array[2])
    assert requests == ["GET", "PUT"]


def test_nothing_is_written_outside_the_root(remote):
    fill_store(remote.store("goat", KEY))
    written = [entry["path"] for entry in obstore.list(connect("dfvi-tests", 30)).collect()]
    arrays = [path for path in written if path.endswith("zarr.json") and path.startswith(remote.path.key)]
    assert len(arrays) == 2  # zarr likes to make groups of all folders above an array
    assert not {path for path in written if "/" not in path}


def test_a_plain_file_is_sent_when_it_is_complete(remote):
    store = remote.store("goat", StageKey("encode", 1))
    store.begin()
    content = bytes(range(256)) * 40_000  # more than one part
    with suppress(KeyboardInterrupt), store.new_files("video.mp4") as folder:
        (folder / "video.mp4").write_bytes(content[:100])
        raise KeyboardInterrupt
    assert not store.file("video.mp4").exists()
    with store.new_files("video.mp4") as folder:
        (folder / "video.mp4").write_bytes(content)
    store.seal()
    assert not folder.exists()
    assert b"".join(store.file("video.mp4").read_blocks()) == content
    assert list(verify(remote)) == []


def test_a_root_on_a_disk_may_be_copied_into_a_bucket_by_any_tool(local_root, bucket):
    fill_store(local_root.store("goat", KEY))
    url = f"{bucket}/{uuid4().hex}"
    for path in local_root.path.rglob("*"):
        if path.is_file():
            obstore.put(
                connect("dfvi-tests", 30), f"{url.rpartition('/')[2]}/{path.relative_to(local_root.path)}", path
            )
    assert Root.open(url).store("goat", KEY).state == "complete"
    assert list(verify(Root.open(url))) == []
