"""A root: ours or refused, and safe names only."""

import json

import pytest

from storage.cache.errors import StoreError
from storage.cache.root import MARKER, Root, video_name
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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("goat", "goat"),
        ("../../etc", "etc"),
        ("a b/c", "a_b_c"),
        (".locks", "locks"),
        ("日本", "video"),
        ("x" * 999, "x" * 80),
    ],
)
def test_any_text_gives_a_safe_video_name(text, name):
    assert video_name(text) == name


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


def test_runs_are_recorded_by_name_and_forgotten(root):
    root.record_run("latest", "goat", [{"stage": "merge", "digest": "a"}])
    root.record_run("latest", "goat", [{"stage": "merge", "digest": "b"}])
    root.record_run("latest", "dog", [{"stage": "merge", "digest": "c"}])
    assert [(run["video"], run["reached"][0]["digest"]) for run in root.runs()] == [("dog", "c"), ("goat", "b")]
    assert root.forget_run("latest", "dog") == ["dog"]
    assert root.forget_run("latest", "dog") == []
    assert [run["video"] for run in root.runs()] == ["goat"]


def test_two_keys_of_one_video_lie_side_by_side(root):
    folders = {root.store("goat", StageKey("merge", version)).folder for version in (1, 2)}
    assert len(folders) == 2
