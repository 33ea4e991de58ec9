"""A stage store: complete or partial, exact, and honest about damage."""

import json
import multiprocessing
import os
import signal

import numpy as np
import pytest

from storage.cache import array_layout
from storage.cache.errors import DamagedStoreError, StoreError
from storage.cache.housekeeping import verify
from storage.cache.manifest import read_json, write_json
from storage.cache.stage_store import StageStore
from tests.storage.conftest import KEY, fill_store, flow_item
from tests.waiting import wait_until


def test_what_is_written_reads_back_rounded_to_a_64th_pixel(root, store):
    again = root.open_store("goat", KEY.stage, KEY.digest)
    assert again.state == "complete"
    assert again["flow_fw"].shape == (4, 5, 7, 2)
    np.testing.assert_array_equal(again["flow_fw"][2], np.round(flow_item(2) * 64) / 64)
    assert again.manifest.made["seconds"] == 1.0


@pytest.mark.parametrize(
    ("layout", "item"),
    [
        (array_layout.frames(2, 3, 5), np.arange(45, dtype=np.uint8).reshape(3, 5, 3)),
        (array_layout.holes(2, 3, 5), np.eye(3, 5, dtype=bool)),
        (array_layout.holes(2, 3, 5), np.zeros((3, 5), bool)),
        (array_layout.values(2, 1, 4, dtype="int32"), np.array([[-1, 0, 7, 2**31 - 1]], np.int32)),
        (array_layout.values(2, 1, 2, dtype="float32"), np.array([[0.1, np.inf]], np.float32)),
    ],
)
def test_every_other_layout_is_exact(root, layout, item):
    store = root.store("goat", KEY)
    store.begin()
    for t in store.create(values=layout):
        store.write(t, values=item)
    store.seal()
    np.testing.assert_array_equal(root.store("goat", KEY)["values"][1], item)
    assert root.store("goat", KEY)["values"][1].dtype == item.dtype


def test_a_store_is_complete_only_with_its_manifest(root):
    store = root.store("goat", KEY)
    assert store.state == "absent"
    fill_store(store, seal=False, only=[0, 2])
    assert root.store("goat", KEY).state == "partial"
    with pytest.raises(StoreError, match=r"flow_fw lacks 2 of 4 items"):
        store.seal()
    assert root.store("goat", KEY).state == "partial"


def test_resuming_asks_for_the_missing_items_only(root):
    fill_store(root.store("goat", KEY), seal=False, only=[0, 2])
    again = root.store("goat", KEY)
    again.begin()
    layout = array_layout.flow(4, 5, 7)
    assert again.create(flow_fw=layout, flow_bw=layout) == [1, 3]
    assert (again.items, again.items_found) == (4, 2)


def test_an_item_counts_as_missing_if_one_array_of_its_group_lacks_it(root):
    fill_store(root.store("goat", KEY), seal=False)
    again = root.store("goat", KEY)
    again["flow_bw"].chunk_path(3).remove()
    layout = array_layout.flow(4, 5, 7)
    assert again.create(flow_fw=layout, flow_bw=layout) == [3]


def test_an_array_that_lies_differently_is_started_again(root):
    fill_store(root.store("goat", KEY), seal=False)
    again = root.store("goat", KEY)
    layout = array_layout.flow(4, 6, 7)
    assert again.create(flow_fw=layout, flow_bw=layout) == [0, 1, 2, 3]


def test_a_store_of_no_items_is_complete(root):
    store = root.store("still", KEY)
    store.begin()
    assert store.create(flow_fw=array_layout.flow(0, 5, 7)) == []
    store.seal()
    assert len(root.store("still", KEY)["flow_fw"]) == 0


def test_an_item_of_another_shape_or_type_is_refused(root):
    store = root.store("goat", KEY)
    store.begin()
    store.create(frames=array_layout.frames(1, 2, 3))
    with pytest.raises(ValueError, match=r"\(2, 3, 3\); got \(3, 2, 3\)"):
        store.write(0, frames=np.zeros((3, 2, 3), np.uint8))
    with pytest.raises(TypeError, match="Cannot cast"):
        store.write(0, frames=np.zeros((2, 3, 3), np.float32))


def damage_flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_whole(bytes(content))


DAMAGES = {
    "flip": damage_flip,
    "truncate": lambda path: path.write_whole(path.read_bytes()[:-7]),
    "empty": lambda path: path.write_whole(b""),
    "three bytes": lambda path: path.write_whole(b"abc"),
    "remove": lambda path: path.remove(),
    "append": lambda path: path.write_whole(path.read_bytes() + b"x"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_chunk_is_an_error_that_names_the_file_and_the_repair(root, store, damage):
    path = store["flow_fw"].chunk_path(1)
    DAMAGES[damage](path)
    again = root.store("goat", KEY)
    with pytest.raises(DamagedStoreError, match="dfvi store verify --repair --root") as caught:
        again["flow_fw"][1]
    assert str(path) in str(caught.value)
    np.testing.assert_array_equal(again["flow_fw"][0], np.round(flow_item(0) * 64) / 64)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "key": {"what": 1}}'])
def test_a_damaged_manifest_is_an_error_that_names_it(root, store, text):
    (store.folder / "manifest.json").write_whole(text.encode())
    with pytest.raises(DamagedStoreError, match=r"manifest\.json is damaged"):
        root.store("goat", KEY)


def test_a_store_of_a_newer_version_is_refused(root, store):
    path = store.folder / "manifest.json"
    path.write_whole(path.read_bytes().replace(b'"format": 2', b'"format": 99'))
    with pytest.raises(DamagedStoreError, match="checksum"):
        root.store("goat", KEY)
    path.write_whole(json.dumps({"format": 99}).encode())
    with pytest.raises(StoreError, match="written in format 99; this version reads formats up to 2: upgrade dfvi"):
        root.store("goat", KEY)


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", ".hidden", "a/b", "a\\b", "", ".."])
def test_names_in_a_manifest_cannot_lead_out_of_the_store(root, store, name):
    path = store.folder / "manifest.json"
    write_json(path, read_json(path) | {"files": {name: "0"}})
    with pytest.raises(DamagedStoreError, match="does not describe this store"):
        root.store("goat", KEY)
    with pytest.raises(StoreError, match="plain name"):
        store.file(name)


def test_a_manifest_moved_to_another_store_is_refused(root, store):
    other = root.store("goat", KEY.__class__("estimate_flow", 2))
    other.begin()
    (other.folder / "manifest.json").write_whole((store.folder / "manifest.json").read_bytes())
    with pytest.raises(DamagedStoreError, match="does not describe this store"):
        root.store("goat", other.key)


def test_a_shape_that_is_not_the_manifests_is_damage(root, store):
    path = store.folder / "flow_fw" / "zarr.json"
    path.write_whole(path.read_bytes().replace(b"4,", b"3,", 1))
    with pytest.raises(DamagedStoreError, match="shape is not the manifest's"):
        root.store("goat", KEY)["flow_fw"]


def _write_for_ever(folder):
    store = StageStore(folder, KEY)
    store.begin()
    layout = array_layout.flow(10_000, 64, 64)
    for t in store.create(flow_fw=layout, flow_bw=layout):
        store.write(t, flow_fw=flow_item(t, 64, 64), flow_bw=flow_item(t, 64, 64))


def test_kill_9_leaves_no_torn_chunk_and_resuming_sweeps_up(local_root):
    folder = local_root.store("goat", KEY).folder
    for more in (20, 31, 47):
        wanted = len(list(folder.glob("flow_bw/c.*"))) + more
        process = multiprocessing.get_context("spawn").Process(target=_write_for_ever, args=(folder,))
        process.start()
        wait_until(lambda wanted=wanted: len(list(folder.glob("flow_bw/c.*"))) >= wanted)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    store = StageStore(folder, KEY)
    missing = store["flow_fw"].missing()
    assert 0 < len(missing) < 10_000
    written = sorted(set(range(10_000)) - set(missing))
    for t in written:
        np.testing.assert_array_equal(store["flow_fw"][t], np.round(flow_item(t, 64, 64) * 64) / 64)
    (folder / "flow_fw" / "c.9.deadbeef.partial").write_bytes(b"torn")
    store.begin()
    assert not list(folder.rglob("*.partial"))


def test_a_number_that_the_machine_decided_is_kept_for_those_who_resume_and_repair(root):
    store = fill_store(root.store("goat", KEY), seal=False, only=[0])
    assert store.remember("batch", 8) == 8
    again = root.store("goat", KEY)
    again.begin()
    assert (again.remember("batch", 3), again.remember("other", 3)) == (8, 3)
    fill_store(again)
    (store.folder / "flow_fw" / "c.2.0.0.0").write_whole(b"damaged")
    assert len(list(verify(root, repair=True))) == 1
    assert root.store("goat", KEY).remember("batch", 1) == 8
    path = store.folder / "choices.json"
    path.write_whole(path.read_bytes().replace(b"8", b"9"))
    assert [damage.path for damage in verify(root)] == [path]
