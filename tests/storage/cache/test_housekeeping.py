"""Housekeeping: what is there, what is damaged, what may go."""

import time

import numpy as np
import pytest

from storage.cache.errors import DamagedStoreError
from storage.cache.housekeeping import delete, finished_keys, list_stores, nearest, unreached, verify
from storage.cache.stage_key import StageKey
from tests.storage.cache.test_stage_store import DAMAGES
from tests.storage.conftest import KEY, fill_store, flow_item

DAY = 24 * 3600


def test_list_tells_state_size_and_key(root, store):
    fill_store(root.store("dog", KEY), seal=False, only=[1])
    dog, goat = list_stores(root)
    assert (dog.video, dog.state, goat.video, goat.state) == ("dog", "partial", "goat", "complete")
    assert goat.key == KEY
    assert goat.size > dog.size > 0


def test_a_size_is_that_of_all_files(local_root):
    folder = fill_store(local_root.store("goat", KEY)).folder
    (facts,) = list_stores(local_root)
    assert facts.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_sound_root_verifies(root, store):
    assert list(verify(root)) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_names_the_damaged_chunk_and_repair_brings_back_just_that(root, store, damage):
    path = store["flow_bw"].chunk_path(2)
    DAMAGES[damage](path)
    assert [found.path for found in verify(root)] == [path]
    assert root.store("goat", KEY).state == "complete"
    list(verify(root, repair=True))
    again = root.store("goat", KEY)
    assert again.state == "partial"
    written = []
    again.on_write = lambda: written.append(1)
    fill_store(again)
    assert len(written) == 1
    assert list(verify(root)) == []
    np.testing.assert_array_equal(root.store("goat", KEY)["flow_bw"][2], -np.round(flow_item(2) * 64) / 64)


@pytest.mark.parametrize("name", ["key.json", "manifest.json", "flow_fw/zarr.json"])
@pytest.mark.parametrize("content", ["", "{}", "nonsense"])
def test_damaged_descriptions_are_found_and_repaired(root, store, name, content):
    (store.folder / name).write_whole(content.encode())
    assert len(list(verify(root, repair=True))) == 1
    fill_store(root.store("goat", KEY))
    assert list(verify(root)) == []


def test_a_key_that_is_gone_is_damage_and_not_a_missing_store(root, store):
    """Advised to run the stage again, people did, and it took the result for complete again."""
    path = store.folder / "key.json"
    path.remove()
    with pytest.raises(DamagedStoreError, match=r"key\.json is damaged"):
        root.open_store("goat", KEY.stage, KEY.digest)
    assert [found.path for found in verify(root, repair=True)] == [path]
    assert root.store("goat", KEY).state != "complete"
    fill_store(root.store("goat", KEY))
    assert list(verify(root)) == []


def test_a_damaged_plain_file_is_found(root):
    key = StageKey("encode", 1)
    store = root.store("goat", key)
    store.begin()
    with store.new_files("video.mp4") as folder:
        (folder / "video.mp4").write_bytes(b"frames")
    store.seal()
    assert list(verify(root)) == []
    store.file("video.mp4").write_whole(b"framez")
    assert [found.path.name for found in verify(root)] == ["video.mp4"]
    store.file("video.mp4").remove()
    assert [found.reason for found in verify(root, repair=True)] == ["the file is missing"]
    assert root.store("goat", key).state == "partial"


def test_gc_keeps_what_runs_reach_and_young_partial_stores(root, store):
    unused = fill_store(root.store("goat", StageKey("estimate_flow", 2)))
    partial = fill_store(root.store("goat", StageKey("estimate_flow", 3)), seal=False)
    root.start_run("latest", "goat").use(KEY.stage, KEY.digest)
    assert [found.digest for found in unreached(root)] == [unused.key.digest]
    tomorrow = {found.digest for found in unreached(root, now=time.time() + DAY + 60)}
    assert tomorrow == {unused.key.digest, partial.key.digest}


def test_gc_never_touches_a_locked_store(root, store):
    stores = unreached(root)
    with root.writing("goat", KEY, on_wait=print):
        assert delete(root, stores) == 0
    assert root.store("goat", KEY).state == "complete"
    assert delete(root, stores) == stores[0].size > 0
    assert root.store("goat", KEY).state == "absent"


def test_nearest_is_the_stored_result_with_the_fewest_differences(root, store):
    wanted = StageKey("estimate_flow", 1, {"preset": "medium"}, KEY.inputs)
    fill_store(root.store("goat", StageKey("estimate_flow", 7, {"preset": "slow"}, KEY.inputs)))
    assert nearest(wanted, finished_keys(root, "goat", "estimate_flow")) == KEY
    assert nearest(wanted, finished_keys(root, "dog", "estimate_flow")) is None


def test_reading_past_damage_is_never_silent(root, store):
    store["flow_fw"].chunk_path(0).remove()
    with pytest.raises(DamagedStoreError, match="the file is missing"):
        root.store("goat", KEY)["flow_fw"][0]
