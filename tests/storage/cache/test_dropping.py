"""Dropping: arrays go, what a result says of itself stays, and no run loses what it keeps."""

import errno

import numpy as np
import pytest

from storage.cache.dropping import drop_results
from storage.cache.errors import DamagedStoreError
from storage.cache.housekeeping import list_stores, unreached, verify
from storage.cache.root import Root
from storage.cache.stage_store import StageStore
from tests.storage.conftest import KEY, fill_store, flow_item

NAMED = [(KEY.stage, KEY.digest)]


def drop(root, kept_at=("all", "tune"), record=None):
    drop_results(root, "goat", NAMED, kept_at=kept_at, record=record)


def state(root):
    return root.store("goat", KEY).state


def use(root, keep, name="mine"):
    record = root.start_run(name, "goat", keep)
    record.use(*NAMED[0])
    return record


def test_what_is_dropped_is_known_and_can_be_made_again(root, store):
    drop(root)
    dropped = root.store("goat", KEY)
    assert dropped.state == "dropped"
    assert dropped.manifest.arrays == store.manifest.arrays
    assert dropped.manifest.made == {"seconds": 1.0}
    assert not dropped.has_array("flow_fw")
    with pytest.raises(DamagedStoreError):
        dropped["flow_fw"]
    assert list(verify(root)) == []
    assert [facts.state for facts in list_stores(root)] == ["dropped"]
    assert [facts.state for facts in unreached(root)] == ["dropped"]
    drop(root)
    fill_store(dropped, seal=False)
    assert state(root) == "dropped"
    dropped.seal()
    assert state(root) == "complete"
    np.testing.assert_array_equal(root.store("goat", KEY)["flow_fw"][1], np.round(flow_item(1) * 64) / 64)


@pytest.mark.parametrize(("keep", "stays"), [("all", True), ("tune", True), ("result", False)])
def test_what_another_run_keeps_stays_whole(root, store, keep, stays):
    use(root, keep)
    drop(root, record=use(root, "result", "other"))
    assert state(root) == ("complete" if stays else "dropped")
    assert store.has_array("flow_fw") == stays


def test_a_draft_goes_though_a_run_beside_tunes(root, store):
    use(root, "tune")
    drop(root, kept_at=("all",))
    assert state(root) == "dropped"


def test_a_run_may_drop_what_it_alone_keeps(root, store):
    drop(root, record=use(root, "all"))
    assert state(root) == "dropped"


def test_a_result_that_a_run_begins_to_use_while_it_is_dropped_comes_back(root, store, monkeypatch):
    original = Root.kept_by_others

    def use_it_just_before(asked, record, video, levels):
        assert state(asked) == "dropped"
        use(asked, "tune")
        return original(asked, record, video, levels)

    monkeypatch.setattr(Root, "kept_by_others", use_it_just_before)
    drop(root)
    assert state(root) == "complete"
    assert list(verify(root)) == []


def test_while_a_record_is_damaged_nothing_is_dropped(root, store):
    use(root, "result").path.write_whole(b"{}")
    drop(root)
    assert state(root) == "complete"


def test_what_somebody_writes_is_left_alone(root, store):
    with root.writing("goat", KEY, on_wait=print):
        drop(root)
        assert state(root) == "complete"


def test_a_partial_result_is_left_alone(root):
    fill_store(root.store("goat", KEY), seal=False, only=[1])
    drop(root)
    assert root.store("goat", KEY)["flow_fw"].missing() == [0, 2, 3]


@pytest.mark.parametrize("removed", [0, 1])
def test_killed_between_manifest_and_arrays_nothing_is_lost_and_the_next_drop_ends_it(local_root, monkeypatch, removed):
    store = fill_store(local_root.store("goat", KEY))
    gone = []

    def die_after_some(self):
        for name in list(self.manifest.arrays)[:removed]:
            (self.folder / name).remove()
            gone.append(name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(StageStore, "remove_arrays", die_after_some)
        with pytest.raises(KeyboardInterrupt):
            drop(local_root)
    assert state(local_root) == "dropped"
    again, written = local_root.store("goat", KEY), []
    again.begin()
    again.on_write = lambda: written.append(1)
    fill_store(again, seal=False)
    assert len(written) == (4 if removed else 0)
    drop(local_root)
    assert not store.has_array("flow_fw")
    assert not store.has_array("flow_bw")


def test_a_run_that_wants_what_is_half_dropped_is_not_told_that_it_is_whole(local_root):
    store = fill_store(local_root.store("goat", KEY))
    store.declare_dropped()
    (store.folder / "flow_fw").remove()
    use(local_root, "all")
    drop(local_root)
    assert state(local_root) == "dropped"
    assert store.has_array("flow_bw")


def test_a_damaged_chunk_of_a_dropped_result_goes_and_what_is_known_of_it_stays(local_root):
    store = fill_store(local_root.store("goat", KEY))
    path = store["flow_fw"].chunk_path(1)
    store.declare_dropped()
    path.write_whole(b"damaged")
    assert [damage.path for damage in verify(local_root, repair=True)] == [path]
    assert state(local_root) == "dropped"
    assert list(verify(local_root)) == []


def test_a_root_that_cannot_be_written_is_left_as_it_is(local_root, monkeypatch):
    fill_store(local_root.store("goat", KEY))

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Root, "try_lock", refuse)
    drop(local_root)
    assert state(local_root) == "complete"
