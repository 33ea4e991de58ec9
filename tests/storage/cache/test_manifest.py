"""The small files of a store and of a root: every flipped bit in them is noticed, and those of before are read."""

import json

import pytest

from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.housekeeping import count_without_checksum, verify
from storage.cache.manifest import FORMAT, read_json, write_json
from storage.cache.root import Root
from tests.storage.conftest import KEY, fill_store

SMALL_FILES = ["key.json", "manifest.json", "flow_fw/zarr.json"]


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_whole(bytes(content))


@pytest.mark.parametrize("name", SMALL_FILES)
def test_verify_names_a_file_in_which_any_bit_is_flipped(local_root, name):
    store = fill_store(local_root.store("goat", KEY))
    store.attributes["frames"] = 4
    store.seal()
    path = store.folder / name
    sound = path.read_bytes()
    for bit in range(0, 8 * len(sound), 7):  # 7: every position in a byte comes up
        flip(path, bit)
        assert [damage.path for damage in verify(local_root)] == [path], (bit, path.read_bytes())
        path.write_whole(sound)


def test_a_flipped_letter_in_attributes_is_no_traceback_in_the_next_stage(root):
    store = fill_store(root.store("goat", KEY))
    store.attributes["unfinished_frames"] = []
    store.seal()
    path = store.folder / "manifest.json"
    path.write_whole(path.read_bytes().replace(b"unfinished_frames", b"unfinjshed_frames"))
    with pytest.raises(DamagedStoreError, match="checksum"):
        root.store("goat", KEY)


def test_what_an_earlier_version_wrote_has_no_checksum_and_is_read(root, store):
    for name in ("key.json", "manifest.json"):
        content = json.loads((store.folder / name).read_bytes())
        del content["sha256"]
        content.pop("descriptions", None)
        (store.folder / name).write_whole(json.dumps(content | {"format": 1}).encode())
    (root.path / "dfvi-root.json").write_whole(b'{"format": 1}')
    again = Root.open(str(root.path)).store("goat", KEY)
    assert again.state == "complete"
    assert again["flow_fw"].shape == (4, 5, 7, 2)
    assert list(verify(root)) == []
    assert count_without_checksum(root) == 1
    fill_store(root.store("dog", KEY))
    assert count_without_checksum(root) == 1


def test_a_checksum_may_not_be_taken_away(root, store):
    path = store.folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["sha256"]
    path.write_whole(json.dumps(content).encode())
    with pytest.raises(DamagedStoreError, match="checksum"):
        root.store("goat", KEY)


def test_a_file_of_a_newer_format_is_no_damage(root):
    write_json(root.path / "a.json", {"content": 1})
    path = root.path / "a.json"
    assert read_json(path)["content"] == 1
    path.write_whole(json.dumps({"format": FORMAT + 1, "content": 1}).encode())
    with pytest.raises(StoreError, match=f"written in format {FORMAT + 1}; this version reads formats up to {FORMAT}"):
        read_json(path)


@pytest.mark.parametrize("text", ["[" * 100_000, "1e999", '{"format": 1e999}', '{"format": true}', "9" * 5000])
def test_any_text_that_is_not_ours_is_damage_and_no_traceback(root, text):
    (root.path / "a.json").write_whole(text.encode())
    with pytest.raises((DamagedStoreError, StoreError)):
        read_json(root.path / "a.json")


def test_a_key_that_is_not_the_folders_is_damage(root, store):
    other = fill_store(root.store("goat", KEY.__class__("estimate_flow", 2)))
    (other.folder / "key.json").write_whole((store.folder / "key.json").read_bytes())
    assert [damage.path for damage in verify(root)] == [other.folder / "key.json"]
