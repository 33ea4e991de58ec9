"""A root: ours or refused, and safe names only."""

import json

import pytest

from storage.cache.errors import StoreError
from storage.cache.root import MARKER, Root
from storage.cache.stage_key import StageKey
from storage.errors import InputError
from tests.storage.conftest import KEY, fill_store


def test_an_empty_folder_becomes_a_root_and_stays_one(location):
    assert Root.find(location) is None
    Root.create(location)
    assert Root.create(location).path == Root.open(location).path == Root.find(location).path


def test_a_folder_with_other_things_is_refused(location):
    path = Root(location).path
    path.make()
    (path / "thesis.tex").write_whole(b"")
    with pytest.raises(InputError, match="neither empty nor a dfvi root"):
        Root.create(location)
    with pytest.raises(InputError, match="is not a dfvi root"):
        Root.open(location)
    with pytest.raises(InputError, match="is not a dfvi root"):
        Root.find(location)


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must be a folder"):
        Root.create(tmp_path / "file")
    with pytest.raises(InputError, match="must be a folder"):
        Root.create(tmp_path / "file" / "below")


def test_a_root_of_a_newer_version_is_refused(root, location):
    (root.path / MARKER).write_whole(json.dumps({"format": 99}).encode())
    with pytest.raises(StoreError, match="format 99"):
        Root.open(location)


@pytest.mark.parametrize("video", ["..", "a/b", "", ".runs", "a\n"])
def test_unsafe_video_names_are_refused(root, video):
    with pytest.raises(StoreError, match="letters, digits"):
        root.store(video, KEY)


def test_a_digest_must_be_one(root):
    with pytest.raises(StoreError, match="32 hexadecimal digits"):
        root.open_store("goat", "merge", "../../../etc/passwd")


def test_a_store_that_is_not_there_is_named(root):
    with pytest.raises(StoreError, match="run the stage merge of goat again"):
        root.open_store("goat", "merge", "0" * 32)


def test_links_and_foreign_folders_are_no_stores(local_root, tmp_path):
    root, store = local_root, fill_store(local_root.store("goat", KEY))
    (root.path / "goat" / "estimate_flow" / ("f" * 32)).symlink_to(tmp_path)
    (root.path / "goat" / "estimate_flow" / "notes").mkdir()
    (root.path / "link").symlink_to(root.path / "goat")
    assert list(root.folders()) == [store.folder]
    assert list(root.folders("goat", "merge")) == []


def test_two_keys_of_one_video_lie_side_by_side(root):
    folders = {root.store("goat", StageKey("merge", version)).folder for version in (1, 2)}
    assert len(folders) == 2


@pytest.mark.parametrize("name", ["goat", "goat/estimate_flow", ".runs", ".runs/goat", ".locks"])
def test_nothing_is_written_behind_a_linked_folder(local_root, tmp_path, name):
    (tmp_path / "home").mkdir()
    link = local_root.path / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "home")

    def run():
        with local_root.writing("goat", KEY, on_wait=print) as store:
            local_root.start_run("latest", "goat").use(KEY.stage, KEY.digest)
            fill_store(store)

    with pytest.raises(OSError, match="is a symbolic link"):
        run()
    assert list((tmp_path / "home").iterdir()) == []
