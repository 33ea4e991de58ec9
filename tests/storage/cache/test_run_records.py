"""Records of runs: none undoes another, none is lost, and a damaged one keeps everything."""

import errno
import json
import os
import time

import pytest

from storage.cache import run_records
from storage.cache.housekeeping import delete, unreached, verify
from storage.cache.root import Root
from storage.cache.run_records import PART_LENGTH
from storage.cache.stage_key import StageKey
from tests.storage.conftest import KEY, fill_store

OTHER = StageKey("estimate_flow", 2)


def run_of(root, *keys, name="latest", video="goat", finish=True):
    record = root.start_run(name, video)
    for key in keys:
        record.use(key.stage, key.digest)
    if finish:
        record.finish({"output": f"{len(keys)}.mp4"})
    return record


def unused(root):
    return {store.digest for store in unreached(root)}


@pytest.fixture
def two(root, store):
    fill_store(root.store("goat", OTHER))
    return root


def test_two_runs_of_one_name_with_different_results_keep_both(two):
    first = run_of(two, KEY, finish=False)
    run_of(two, OTHER)
    assert unused(two) == set()
    first.finish()
    assert unused(two) == set()
    assert [run.name for run in two.runs()] == ["latest", "latest"]


def test_the_same_results_again_leave_one_record(two):
    run_of(two, KEY, finish=False)  # killed
    run_of(two, KEY)
    run_of(two, KEY, OTHER)
    run_of(two, KEY, OTHER)
    run_of(two, KEY, name="other")
    assert [(run.name, len(run.reached)) for run in two.runs()] == [("latest", 2), ("other", 1)]


def many_keys(count):
    return [StageKey("merge", number) for number in range(1, count + 1)]


def test_one_more_result_of_a_long_run_is_a_short_write(root, monkeypatch):
    written = []
    write = type(root.path).write_whole
    monkeypatch.setattr(
        type(root.path), "write_whole", lambda path, content: (written.append(len(content)), write(path, content))
    )
    run_of(root, *many_keys(5 * PART_LENGTH), finish=False)
    assert len(written) == 5 * PART_LENGTH
    assert max(written[-PART_LENGTH:]) <= 1.1 * max(written[:PART_LENGTH])


@pytest.mark.parametrize("finish", [False, True])
def test_a_record_in_parts_is_one_run_until_it_is_forgotten(root, finish):
    keys = many_keys(2 * PART_LENGTH + 1)
    record = run_of(root, *keys, finish=finish)
    [run] = root.runs()
    assert [each["digest"] for each in run.reached] == [key.digest for key in keys]
    assert len(run.parts) == (0 if finish else 2)
    assert len(record.folder.names()) == (1 if finish else 3)
    assert root.kept_by_others(record, "goat", ["all"]) == set()
    assert root.forget_runs("latest") == ["goat"]
    assert record.folder.names() == set()


def test_a_part_that_goes_while_records_are_read_is_found_in_the_first_file(root, monkeypatch):
    keys = many_keys(2 * PART_LENGTH)
    record = run_of(root, *keys, finish=False)
    read, ended = run_records._read, []

    def end_after_the_first(path):
        facts = read(path)
        if not ended:
            ended.append(True)
            record.finish()
        return facts

    monkeypatch.setattr(run_records, "_read", end_after_the_first)
    assert root.used_digests("goat") == {key.digest for key in keys}


def test_a_long_record_that_is_dropped_while_its_run_goes_on_comes_back_whole(root):
    *keys, last = many_keys(2 * PART_LENGTH)
    record = run_of(root, *keys, finish=False)
    assert root.forget_runs("latest") == ["goat"]
    record.use(last.stage, last.digest)
    assert root.used_digests("goat") == {key.digest for key in (*keys, last)}


def test_a_damaged_part_keeps_everything_and_is_repaired(two):
    record = run_of(two, *many_keys(PART_LENGTH), KEY, finish=False)
    part = next(path for run in two.runs() for path in run.parts)
    damage(part)
    assert two.used_digests("goat") is None
    assert [found.path for found in verify(two, repair=True)] == [part]
    assert list(verify(two)) == []
    assert two.used_digests("goat") > {KEY.digest, OTHER.digest}
    assert [run.path for run in two.runs()] == [record.path]


def test_the_last_run_of_a_name_is_found_by_its_output(two):
    run_of(two, KEY)
    run_of(two, OTHER, KEY, name="other")
    run_of(two, OTHER, KEY)
    assert two.last_run("latest", "goat").summary == {"output": "2.mp4"}
    assert two.last_run("latest", "goat", "9.mp4") is None
    assert two.last_run("missing", "goat") is None


def test_runs_are_forgotten_by_name_all_or_all_but_the_last(two):
    run_of(two, KEY)
    run_of(two, OTHER)
    run_of(two, OTHER, video="dog")
    assert two.forget_runs("latest", keep=1) == ["goat"]
    assert unused(two) == {KEY.digest}
    assert two.forget_runs("latest", "goat") == ["goat"]
    assert two.forget_runs("latest") == ["dog"]
    assert two.forget_runs("latest") == []
    assert unused(two) == {KEY.digest, OTHER.digest}


def test_gc_asks_again_what_is_used_before_it_deletes(two):
    listed = unreached(two)
    assert len(listed) == 2
    run_of(two, KEY, finish=False)
    assert delete(two, listed) == listed[[store.digest for store in listed].index(OTHER.digest)].size
    assert two.store("goat", KEY).state == "complete"
    assert two.store("goat", OTHER).state == "absent"


def test_a_result_that_a_run_begins_to_use_while_it_is_deleted_comes_back(two, monkeypatch):
    listed = [store for store in unreached(two) if store.digest == KEY.digest]
    answers = iter([set(), {KEY.digest}])
    monkeypatch.setattr(Root, "used_digests", lambda self, video: next(answers))
    seen, remove = [], type(two.path).remove
    monkeypatch.setattr(type(two.path), "remove", lambda path: (seen.append(path), remove(path)))
    assert delete(two, listed) == 0
    assert [path.name for path in seen] == ["manifest.json"]
    assert two.store("goat", KEY).state == "complete"
    assert list(verify(two)) == []


def damage(path):
    content = bytearray(path.read_bytes())
    content[content.index(KEY.digest.encode()) + 3] ^= 1
    path.write_whole(bytes(content))


def test_a_damaged_record_is_named_and_gc_deletes_nothing_of_its_video(two):
    record = run_of(two, KEY)
    fill_store(two.store("dog", OTHER))
    damage(record.path)
    assert [found.path for found in verify(two)] == [record.path]
    assert [store.video for store in unreached(two)] == ["dog"]
    assert delete(two, unreached(two)) > 0
    assert two.store("goat", KEY).state == two.store("goat", OTHER).state == "complete"


def test_a_repaired_record_keeps_what_is_there_until_it_is_forgotten(two):
    record = run_of(two, KEY)
    damage(record.path)
    assert len(list(verify(two, repair=True))) == 1
    assert list(verify(two)) == []
    assert unused(two) == set()
    assert two.forget_runs("latest") == ["goat"]
    assert unused(two) == {KEY.digest, OTHER.digest}


def test_a_record_of_the_first_version_counts_and_keeps_all_if_what_it_names_is_not_there(two):
    path = two.path / ".runs" / "goat" / "latest.json"
    path.parent.make()
    content = {"format": 1, "run": "latest", "video": "goat", "summary": None}
    for digest, expected in ((KEY.digest, {OTHER.digest}), ("0" * 32, set())):
        reached = [{"stage": KEY.stage, "digest": digest}]
        path.write_whole(json.dumps(content | {"reached": reached}).encode())
        assert unused(two) == expected
    path.write_whole(json.dumps(content | {"reached": [{"stage": KEY.stage, "digest": KEY.digest}]}).encode())
    run_of(two, KEY)
    assert [run.path.name == "latest.json" for run in two.runs()] == [False]


def test_a_damaged_mark_of_a_failure_is_named_and_still_says_that_the_run_failed(root):
    root.record_failure("latest", "goat", "no space")
    path = root.path / ".failures" / "goat" / "latest.json"
    path.write_whole(path.read_bytes().replace(b"space", b"spacf"))
    assert [found.path for found in verify(root, repair=True)] == [path]
    assert list(verify(root)) == []
    assert root.has_failed("latest", "goat")
    root.forget_failure("latest", "goat")
    assert not root.has_failed("latest", "goat")


def test_a_run_goes_on_without_a_record_where_none_can_be_written(local_root, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(type(local_root.path), "write_whole", refuse)
    record = run_of(local_root, KEY)
    with pytest.raises(OSError, match="Read-only file system"):
        record.require_written()
    assert list(local_root.runs()) == []


def test_leftovers_of_killed_writers_are_swept_once_they_are_old(local_root):
    run_of(local_root, KEY)
    old, young = (local_root.path / ".runs" / "goat" / f".{name}.json.ab.partial" for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 7200,) * 2)
    list(verify(local_root, repair=True))
    assert (old.exists(), young.exists()) == (False, True)
